// SPDX-License-Identifier: MIT
//
// The client of grpc-js; see ../README.
"use strict";
const fs = require("fs");
const grpc = require("@grpc/grpc-js");
const health = require("grpc-health-check");
const loader = require("@grpc/proto-loader");
const { promisify } = require("util");

const balanced = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });
const read = (variable) =>
    process.env[variable] ? fs.readFileSync(process.env[variable]) : null;
// A number of JavaScript has 53 bits: the IDs are read as BigInt.
const definition = loader.loadSync(__dirname + "/snowid.proto", { keepCase: true, longs: String });
const { IDGenerator } = grpc.loadPackageDefinition(definition);
const Health = grpc.makeClientConstructor(health.service, "grpc.health.v1.Health");
const file = fs.openSync(process.env.IDS, "a");
let ids, healthStub;
let failed = false;

function withToken(token) {
    const metadata = new grpc.Metadata();
    metadata.set("authorization", "Bearer " + token);
    return metadata;
}
const authorized = withToken(process.env.TOKEN);

// Several addresses, with commas between them, are balanced.
function connect(target, more) {
    const options = {
        "grpc.keepalive_time_ms": 10000,
        "grpc.keepalive_permit_without_calls": 1,
        ...more,
    };
    if (target.includes(",")) {
        target = "ipv4:" + target;
        options["grpc.service_config"] = balanced;
    }
    const credentials = read("CA")
        ? grpc.credentials.createSsl(read("CA"), read("KEY"), read("CERTIFICATE"))
        : grpc.credentials.createInsecure();
    healthStub = new Health(target, credentials, options);
    return new IDGenerator(target, credentials, options);
}

// The response of a call with one.
function call(stub, method, request, metadata = authorized, options = {}) {
    return promisify(stub[method]).call(stub, request, metadata, options);
}

async function codeOf(promise) {
    try {
        await promise;
    } catch (error) {
        return grpc.status[error.code];
    }
    return "OK";
}

function record(...made) {
    fs.writeSync(file, made.map((id) => id + "\n").join(""));
}

async function check(name, action) {
    try {
        await action();
        console.log("ok - " + name);
    } catch (error) {
        failed = true;
        console.log(`not ok - ${name}: ${error}`);
    }
}

function equal(got, wanted) {
    if (got !== wanted) throw new Error(`${got} is not ${wanted}`);
}

async function generate() {
    record((await call(ids, "GenerateID", {})).id);
}

async function generateBatch(stub = ids) {
    const batch = await call(stub, "GenerateBatch", { count: 1000 });
    record(...batch.ids);
    equal(batch.ids.length, 1000);
}

async function parse() {
    const one = await call(ids, "GenerateID", {});
    record(one.id);
    const parts = await call(ids, "ParseID", { id: one.id });
    const state = await call(ids, "HealthCheck", {});
    equal(state.status, "healthy");
    equal(parts.worker_id, state.worker_id);
}

async function generateHigh() {
    const { id } = await call(ids, "GenerateID", { kind: "high" });
    record(id);
    const parts = await call(ids, "ParseID", { id, kind: "high" });
    equal(BigInt(id) < 0n, true);
    equal(parts.text, String(BigInt.asUintN(64, BigInt(id))));
}

async function checkHealth() {
    const service = { service: "IDGenerator" };
    equal((await call(healthStub, "check", service)).status, "SERVING");
    const watch = healthStub.watch(service, authorized);
    watch.on("error", () => {}); // it is cancelled
    for await (const found of watch) {
        equal(found.status, "SERVING");
        watch.cancel();
        break;
    }
}

// Calls of the same connection are served while the stream is not read.
async function stream() {
    const messages = ids.StreamIDs({}, authorized);
    const ended = new Promise((resolve) => messages.on("status", (s) => resolve(s.code)));
    let got = 0;
    try {
        for await (const { ids } of messages) {
            for (let calls = 0; got === 0 && calls < 100; calls++) await generate();
            record(...ids);
            got += ids.length;
            if (got >= 50000) messages.cancel();
        }
    } catch (error) {
        equal(grpc.status[error.code], "CANCELLED");
    }
    equal(grpc.status[await ended], "CANCELLED");
}

async function deadline() {
    const soon = { deadline: Date.now() + 50 };
    const late = call(ids, "GenerateBatch", { kind: "slow", count: 200 }, authorized, soon);
    equal(await codeOf(late), "DEADLINE_EXCEEDED");
}

async function wrongToken() {
    const refused = call(ids, "GenerateID", {}, withToken("wrong"));
    equal(await codeOf(refused), "UNAUTHENTICATED");
}

async function checks() {
    await check("GenerateID", generate);
    await check("GenerateBatch", generateBatch);
    await check("ParseID and HealthCheck", parse);
    await check("IDs of 2^63 and above", generateHigh);
    await check("health: Check and Watch", checkHealth);
    await check("StreamIDs with flow control, cancelled", stream);
    await check("a deadline: DEADLINE_EXCEEDED", deadline);
    await check("a wrong token: UNAUTHENTICATED", wrongToken);
    await check("a count of 0: INVALID_ARGUMENT", async () =>
        equal(await codeOf(call(ids, "GenerateBatch", {})), "INVALID_ARGUMENT"));
    const gzip = { "grpc.default_compression_algorithm": grpc.compressionAlgorithms.gzip };
    await check("a request compressed with gzip", () =>
        generateBatch(connect(process.argv[3], gzip)));
}

async function endOfInput() {
    for await (const _ of process.stdin);
}

// Calls until the end of the input.
async function load() {
    let ended = false;
    const caller = async () => {
        while (!ended) {
            await generate().catch((error) => {
                console.log(error);
                process.exit(1);
            });
        }
    };
    const callers = [caller(), caller(), caller(), caller()];
    await endOfInput();
    ended = true;
    await Promise.all(callers);
}

async function idle() {
    await check("a call", generate);
    await endOfInput();
    await check("a call after keepalive pings", generate);
}

ids = connect(process.argv[3]);
({ checks, load, idle })[process.argv[2]]().then(() => process.exit(failed ? 1 : 0));
