// SPDX-License-Identifier: MIT
//
// The client of grpc-go; see ../README.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	_ "google.golang.org/grpc/health" // health checks of round_robin
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	pb "clients/snowid"
)

const balanced = `{"loadBalancingConfig": [{"round_robin": {}}],
	"healthCheckConfig": {"serviceName": "IDGenerator"}}`

var (
	connection *grpc.ClientConn
	ids        pb.IDGeneratorClient
	authorized = withToken(os.Getenv("TOKEN"))
	file, _    = os.OpenFile(os.Getenv("IDS"), os.O_APPEND|os.O_WRONLY, 0)
	failed     bool
)

func withToken(token string) context.Context {
	value := "Bearer " + token
	return metadata.AppendToOutgoingContext(context.Background(), "authorization", value)
}

func transport() credentials.TransportCredentials {
	ca, err := os.ReadFile(os.Getenv("CA"))
	if err != nil {
		return insecure.NewCredentials()
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM(ca)
	pair, err := tls.LoadX509KeyPair(os.Getenv("CERTIFICATE"), os.Getenv("KEY"))
	if err == nil {
		config.Certificates = []tls.Certificate{pair}
	}
	return credentials.NewTLS(config)
}

// Several addresses, with commas between them, are balanced.
func connect(target string) (*grpc.ClientConn, error) {
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(transport()),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: 10 * time.Second, PermitWithoutStream: true}),
	}
	if addresses := strings.Split(target, ","); len(addresses) > 1 {
		list := manual.NewBuilderWithScheme("list")
		var state resolver.State
		for _, address := range addresses {
			state.Addresses = append(state.Addresses, resolver.Address{Addr: address})
		}
		list.InitialState(state)
		target = "list:///localhost"
		options = append(options, grpc.WithResolvers(list),
			grpc.WithDefaultServiceConfig(balanced))
	}
	return grpc.NewClient(target, options...)
}

// In one write, so that several callers can record at once.
func record(made ...int64) {
	var lines strings.Builder
	for _, id := range made {
		fmt.Fprintln(&lines, id)
	}
	file.WriteString(lines.String())
}

func check(name string, f func() error) {
	if err := f(); err != nil {
		failed = true
		fmt.Println("not ok -", name, err)
	} else {
		fmt.Println("ok -", name)
	}
}

func wrong(got any) error {
	return fmt.Errorf("got %v", got)
}

func endsWith(code codes.Code, err error) error {
	if status.Code(err) != code {
		return wrong(err)
	}
	return nil
}

func generate() error {
	one, err := ids.GenerateID(authorized, &pb.GenerateIDRequest{})
	if err == nil {
		record(one.Id)
	}
	return err
}

func generateBatch(options ...grpc.CallOption) error {
	request := &pb.GenerateBatchRequest{Count: 1000}
	batch, err := ids.GenerateBatch(authorized, request, options...)
	if err != nil {
		return err
	}
	record(batch.Ids...)
	if len(batch.Ids) != 1000 {
		return wrong(len(batch.Ids))
	}
	return nil
}

func parse() error {
	one, err := ids.GenerateID(authorized, &pb.GenerateIDRequest{})
	if err != nil {
		return err
	}
	record(one.Id)
	parts, err := ids.ParseID(authorized, &pb.ParseIDRequest{Id: one.Id})
	if err != nil {
		return err
	}
	state, err := ids.HealthCheck(authorized, &pb.HealthCheckRequest{})
	if err != nil {
		return err
	}
	if state.Status != "healthy" || parts.WorkerId != state.WorkerId {
		return wrong([]any{parts, state})
	}
	return nil
}

func generateHigh() error {
	one, err := ids.GenerateID(authorized, &pb.GenerateIDRequest{Kind: "high"})
	if err != nil {
		return err
	}
	record(one.Id)
	parts, err := ids.ParseID(authorized, &pb.ParseIDRequest{Id: one.Id, Kind: "high"})
	if err != nil {
		return err
	}
	if one.Id >= 0 || parts.Text != strconv.FormatUint(uint64(one.Id), 10) {
		return wrong([]any{one, parts})
	}
	return nil
}

func checkHealth() error {
	client := health.NewHealthClient(connection)
	request := &health.HealthCheckRequest{Service: "IDGenerator"}
	found, err := client.Check(authorized, request)
	if err != nil {
		return err
	}
	watching, cancel := context.WithCancel(authorized)
	defer cancel()
	watch, err := client.Watch(watching, request)
	if err != nil {
		return err
	}
	first, err := watch.Recv()
	if err != nil {
		return err
	}
	if found.Status != health.HealthCheckResponse_SERVING || first.Status != found.Status {
		return wrong([]any{found, first})
	}
	return nil
}

// Calls of the same connection are served while the stream is not read.
func stream() error {
	streaming, cancel := context.WithCancel(authorized)
	defer cancel()
	stream, err := ids.StreamIDs(streaming, &pb.StreamIDsRequest{})
	for got := 0; err == nil && got < 50000; {
		var message *pb.StreamIDsResponse
		if message, err = stream.Recv(); err != nil {
			return err
		}
		for call := 0; got == 0 && call < 100; call++ {
			if err = generate(); err != nil {
				return err
			}
		}
		record(message.Ids...)
		got += len(message.Ids)
	}
	cancel()
	for err == nil {
		_, err = stream.Recv()
	}
	return endsWith(codes.Canceled, err)
}

func deadline() error {
	soon, cancel := context.WithTimeout(authorized, 50*time.Millisecond)
	defer cancel()
	_, err := ids.GenerateBatch(soon, &pb.GenerateBatchRequest{Kind: "slow", Count: 200})
	return endsWith(codes.DeadlineExceeded, err)
}

func checks() {
	check("GenerateID", generate)
	check("GenerateBatch", func() error { return generateBatch() })
	check("ParseID and HealthCheck", parse)
	check("IDs of 2^63 and above", generateHigh)
	check("health: Check and Watch", checkHealth)
	check("StreamIDs with flow control, cancelled", stream)
	check("a deadline: DEADLINE_EXCEEDED", deadline)
	check("a wrong token: UNAUTHENTICATED", func() error {
		_, err := ids.GenerateID(withToken("wrong"), &pb.GenerateIDRequest{})
		return endsWith(codes.Unauthenticated, err)
	})
	check("a count of 0: INVALID_ARGUMENT", func() error {
		_, err := ids.GenerateBatch(authorized, &pb.GenerateBatchRequest{})
		return endsWith(codes.InvalidArgument, err)
	})
	check("a request compressed with gzip", func() error {
		return generateBatch(grpc.UseCompressor(gzip.Name))
	})
}

// Calls until the end of the input.
func load() {
	var callers sync.WaitGroup
	ended, end := context.WithCancel(context.Background())
	for range 4 {
		callers.Go(func() {
			for ended.Err() == nil {
				if err := generate(); err != nil {
					fmt.Println(err)
					os.Exit(1)
				}
			}
		})
	}
	io.Copy(io.Discard, os.Stdin)
	end()
	callers.Wait()
}

func idle() {
	check("a call", generate)
	io.Copy(io.Discard, os.Stdin)
	check("a call after keepalive pings", generate)
}

func main() {
	var err error
	connection, err = connect(os.Args[2])
	if err != nil || file == nil {
		fmt.Println(errors.Join(err, errors.New("bad target or no file for IDs")))
		os.Exit(2)
	}
	ids = pb.NewIDGeneratorClient(connection)
	map[string]func(){"checks": checks, "load": load, "idle": idle}[os.Args[1]]()
	if failed {
		os.Exit(1)
	}
}
