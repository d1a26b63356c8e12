// SPDX-License-Identifier: MIT
//
// The client of grpc-java; see ../README.
import io.grpc.ChannelCredentials;
import io.grpc.ClientInterceptor;
import io.grpc.EquivalentAddressGroup;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.NameResolver;
import io.grpc.NameResolverProvider;
import io.grpc.NameResolverRegistry;
import io.grpc.Status;
import io.grpc.StatusOr;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.stub.MetadataUtils;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

public class Client {
    interface Action {
        void run() throws Exception;
    }

    static final String TOKEN = System.getenv("TOKEN");
    static FileOutputStream file;
    static IDGeneratorGrpc.IDGeneratorBlockingStub ids;
    static HealthGrpc.HealthBlockingStub health;
    static volatile boolean ended;
    static boolean failed;

    /** Resolves list:///HOST:PORT,HOST:PORT. */
    static class ListProvider extends NameResolverProvider {
        @Override
        public String getDefaultScheme() {
            return "list";
        }

        @Override
        protected boolean isAvailable() {
            return true;
        }

        @Override
        protected int priority() {
            return 5;
        }

        @Override
        public NameResolver newNameResolver(URI target, NameResolver.Args args) {
            var addresses = new ArrayList<EquivalentAddressGroup>();
            for (String address : target.getPath().substring(1).split(",")) {
                String[] parts = address.split(":");
                var socket = new InetSocketAddress(parts[0], Integer.parseInt(parts[1]));
                addresses.add(new EquivalentAddressGroup(socket));
            }
            return new NameResolver() {
                @Override
                public String getServiceAuthority() {
                    return "localhost";
                }

                @Override
                public void start(Listener2 listener) {
                    var found = StatusOr.fromValue((List<EquivalentAddressGroup>) addresses);
                    listener.onResult(
                            ResolutionResult.newBuilder().setAddressesOrError(found).build());
                }

                @Override
                public void shutdown() {}
            };
        }
    }

    static ChannelCredentials credentials() throws IOException {
        if (System.getenv("CA") == null) {
            return InsecureChannelCredentials.create();
        }
        var tls = TlsChannelCredentials.newBuilder().trustManager(new File(System.getenv("CA")));
        if (System.getenv("KEY") != null) {
            tls.keyManager(
                    new File(System.getenv("CERTIFICATE")), new File(System.getenv("KEY")));
        }
        return tls.build();
    }

    /** Several addresses, with commas between them, are balanced. */
    static ManagedChannel connect(String target) throws IOException {
        boolean several = target.contains(",");
        NameResolverRegistry.getDefaultRegistry().register(new ListProvider());
        ManagedChannelBuilder<?> builder =
                Grpc.newChannelBuilder(several ? "list:///" + target : target, credentials())
                        .keepAliveTime(10, TimeUnit.SECONDS)
                        .keepAliveWithoutCalls(true);
        if (several) {
            builder.defaultServiceConfig(
                    Map.of(
                            "loadBalancingConfig",
                            List.of(Map.of("round_robin", Map.of())),
                            "healthCheckConfig",
                            Map.of("serviceName", "IDGenerator")));
        }
        return builder.build();
    }

    static ClientInterceptor withToken(String token) {
        var metadata = new Metadata();
        metadata.put(
                Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER),
                "Bearer " + token);
        return MetadataUtils.newAttachHeadersInterceptor(metadata);
    }

    /** In one write, so that several callers can record at once. */
    static void record(List<Long> made) throws IOException {
        var lines = new StringBuilder();
        made.forEach(id -> lines.append(id).append('\n'));
        file.write(lines.toString().getBytes());
    }

    static void check(String name, Action action) {
        try {
            action.run();
            System.out.println("ok - " + name);
        } catch (Exception error) {
            failed = true;
            System.out.println("not ok - " + name + " " + error);
        }
    }

    static void equal(Object got, Object wanted) {
        if (!got.equals(wanted)) {
            throw new IllegalStateException(got + " is not " + wanted);
        }
    }

    static Status.Code codeOf(Action action) throws Exception {
        try {
            action.run();
        } catch (StatusRuntimeException error) {
            return error.getStatus().getCode();
        }
        return Status.Code.OK;
    }

    static Snowid.GenerateIDRequest one(String kind) {
        return Snowid.GenerateIDRequest.newBuilder().setKind(kind).build();
    }

    static Snowid.GenerateBatchRequest several(int count, String kind) {
        return Snowid.GenerateBatchRequest.newBuilder().setCount(count).setKind(kind).build();
    }

    static Snowid.ParseIDResponse parse(long id, String kind) {
        return ids.parseID(Snowid.ParseIDRequest.newBuilder().setId(id).setKind(kind).build());
    }

    static long generate(String kind) throws IOException {
        long id = ids.generateID(one(kind)).getId();
        record(List.of(id));
        return id;
    }

    static void generateBatch(IDGeneratorGrpc.IDGeneratorBlockingStub stub) throws IOException {
        var batch = stub.generateBatch(several(1000, "")).getIdsList();
        record(batch);
        equal(batch.size(), 1000);
    }

    static void parseAndCheck() throws IOException {
        var parts = parse(generate(""), "");
        var state = ids.healthCheck(Snowid.HealthCheckRequest.getDefaultInstance());
        equal(state.getStatus(), "healthy");
        equal(parts.getWorkerId(), state.getWorkerId());
    }

    static void generateHigh() throws IOException {
        long id = generate("high");
        equal(id < 0, true);
        equal(parse(id, "high").getText(), Long.toUnsignedString(id));
    }

    static void checkHealth() {
        var request = HealthCheckRequest.newBuilder().setService("IDGenerator").build();
        equal(health.check(request).getStatus(), ServingStatus.SERVING);
        var context = io.grpc.Context.current().withCancellation();
        context.run(() -> equal(health.watch(request).next().getStatus(), ServingStatus.SERVING));
        context.cancel(null);
    }

    /** Calls of the same connection are served while the stream is not read. */
    static void stream() throws Exception {
        var context = io.grpc.Context.current().withCancellation();
        Iterator<Snowid.StreamIDsResponse> messages =
                context.call(() -> ids.streamIDs(Snowid.StreamIDsRequest.getDefaultInstance()));
        record(messages.next().getIdsList());
        for (int call = 0; call < 100; call++) {
            generate("");
        }
        for (int got = 0; got < 50000; ) {
            var made = messages.next().getIdsList();
            record(made);
            got += made.size();
        }
        context.cancel(null);
        equal(codeOf(() -> messages.forEachRemaining(made -> {})), Status.Code.CANCELLED);
    }

    static void deadline() throws Exception {
        var soon = ids.withDeadlineAfter(50, TimeUnit.MILLISECONDS);
        var code = codeOf(() -> soon.generateBatch(several(200, "slow")));
        equal(code, Status.Code.DEADLINE_EXCEEDED);
    }

    static void wrongToken(ManagedChannel channel) throws Exception {
        var stub = IDGeneratorGrpc.newBlockingStub(channel).withInterceptors(withToken("wrong"));
        equal(codeOf(() -> stub.generateID(one(""))), Status.Code.UNAUTHENTICATED);
    }

    static void wrongCount() throws Exception {
        equal(codeOf(() -> ids.generateBatch(several(0, ""))), Status.Code.INVALID_ARGUMENT);
    }

    static void checks(ManagedChannel channel) {
        check("GenerateID", () -> generate(""));
        check("GenerateBatch", () -> generateBatch(ids));
        check("ParseID and HealthCheck", Client::parseAndCheck);
        check("IDs of 2^63 and above", Client::generateHigh);
        check("health: Check and Watch", Client::checkHealth);
        check("StreamIDs with flow control, cancelled", Client::stream);
        check("a deadline: DEADLINE_EXCEEDED", Client::deadline);
        check("a wrong token: UNAUTHENTICATED", () -> wrongToken(channel));
        check("a count of 0: INVALID_ARGUMENT", Client::wrongCount);
        check("a request compressed with gzip", () -> generateBatch(ids.withCompression("gzip")));
    }

    static void callUntilEnd() {
        while (!ended) {
            try {
                generate("");
            } catch (Exception error) {
                System.out.println(error);
                System.exit(1);
            }
        }
    }

    /** Calls until the end of the input. */
    static void load() throws Exception {
        var callers = new ArrayList<Thread>();
        for (int i = 0; i < 4; i++) {
            callers.add(new Thread(Client::callUntilEnd));
        }
        callers.forEach(Thread::start);
        System.in.readAllBytes();
        ended = true;
        for (Thread caller : callers) {
            caller.join();
        }
    }

    static void idle() throws IOException {
        check("a call", () -> generate(""));
        System.in.readAllBytes();
        check("a call after keepalive pings", () -> generate(""));
    }

    public static void main(String[] arguments) throws Exception {
        file = new FileOutputStream(System.getenv("IDS"), true);
        ManagedChannel channel = connect(arguments[1]);
        ids = IDGeneratorGrpc.newBlockingStub(channel).withInterceptors(withToken(TOKEN));
        health = HealthGrpc.newBlockingStub(channel);
        switch (arguments[0]) {
            case "checks" -> checks(channel);
            case "load" -> load();
            default -> idle();
        }
        channel.shutdownNow();
        System.exit(failed ? 1 : 0);
    }
}
