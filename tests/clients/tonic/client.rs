// SPDX-License-Identifier: MIT
//
// The client of tonic; see ../README.
use pb::id_generator_client::IdGeneratorClient;
use std::env::{args, var};
use std::error::Error;
use std::fs::{read, File};
use std::future::Future;
use std::io::Write;
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::LazyLock;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tonic::codec::CompressionEncoding;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{health_client::HealthClient, HealthCheckRequest};

pub mod pb {
    tonic::include_proto!("_");
}

type Failure = Box<dyn Error + Send + Sync>;
type Outcome = Result<(), Failure>;

static FAILED: AtomicBool = AtomicBool::new(false);
static FILE: LazyLock<File> = LazyLock::new(|| {
    File::options()
        .append(true)
        .open(var("IDS").unwrap())
        .unwrap()
});

#[derive(Clone)]
struct Token(MetadataValue<Ascii>);

impl tonic::service::Interceptor for Token {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request
            .metadata_mut()
            .insert("authorization", self.0.clone());
        Ok(request)
    }
}

type Client = IdGeneratorClient<InterceptedService<Channel, Token>>;

fn client(channel: &Channel, token: &str) -> Client {
    let value = format!("Bearer {token}").parse().unwrap();
    IdGeneratorClient::with_interceptor(channel.clone(), Token(value))
}

fn connect(target: &str) -> Result<Channel, Failure> {
    let scheme = if var("CA").is_ok() { "https" } else { "http" };
    let url = match target.starts_with("unix:") {
        true => target.to_string(),
        false => format!("{scheme}://{target}"),
    };
    let mut endpoint = Endpoint::from_shared(url)?
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_while_idle(true);
    if let Ok(ca) = var("CA") {
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(ca)?));
        if let (Ok(certificate), Ok(key)) = (var("CERTIFICATE"), var("KEY")) {
            tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?));
        }
        endpoint = endpoint.tls_config(tls)?;
    }
    Ok(endpoint.connect_lazy())
}

// In one write, so that several callers can record at once.
fn record(made: &[i64]) -> std::io::Result<()> {
    let lines: String = made.iter().map(|id| format!("{id}\n")).collect();
    (&*FILE).write_all(lines.as_bytes())
}

async fn check(name: &str, action: impl Future<Output = Outcome>) {
    match action.await {
        Ok(()) => println!("ok - {name}"),
        Err(error) => {
            FAILED.store(true, Relaxed);
            println!("not ok - {name} {error:?}");
        }
    }
}

fn equal<T: PartialEq + std::fmt::Debug>(got: T, wanted: T) -> Outcome {
    match got == wanted {
        true => Ok(()),
        false => Err(format!("{got:?} is not {wanted:?}").into()),
    }
}

fn ends_with<T>(code: Code, result: Result<T, Status>) -> Outcome {
    equal(result.err().map(|status| status.code()), Some(code))
}

fn batch_of(count: i32, kind: &str) -> pb::GenerateBatchRequest {
    pb::GenerateBatchRequest {
        count,
        kind: kind.into(),
    }
}

async fn generate(mut ids: Client, kind: &str) -> Result<i64, Failure> {
    let request = pb::GenerateIdRequest { kind: kind.into() };
    let id = ids.generate_id(request).await?.into_inner().id;
    record(&[id])?;
    Ok(id)
}

async fn generate_one(ids: Client) -> Outcome {
    generate(ids, "").await.map(|_| ())
}

async fn generate_batch(mut ids: Client) -> Outcome {
    let batch = ids
        .generate_batch(batch_of(1000, ""))
        .await?
        .into_inner()
        .ids;
    record(&batch)?;
    equal(batch.len(), 1000)
}

async fn parse(mut ids: Client, id: i64, kind: &str) -> Result<pb::ParseIdResponse, Status> {
    let request = pb::ParseIdRequest {
        id,
        kind: kind.into(),
        ..Default::default()
    };
    Ok(ids.parse_id(request).await?.into_inner())
}

async fn parse_and_check(mut ids: Client) -> Outcome {
    let id = generate(ids.clone(), "").await?;
    let parts = parse(ids.clone(), id, "").await?;
    let state = ids
        .health_check(pb::HealthCheckRequest {})
        .await?
        .into_inner();
    equal(state.status.as_str(), "healthy")?;
    equal(parts.worker_id, state.worker_id)
}

async fn generate_high(ids: Client) -> Outcome {
    let id = generate(ids.clone(), "high").await?;
    let parts = parse(ids, id, "high").await?;
    equal(id < 0, true)?;
    equal(parts.text, (id as u64).to_string())
}

async fn check_health(channel: Channel) -> Outcome {
    let mut health = HealthClient::new(channel);
    let request = HealthCheckRequest {
        service: "IDGenerator".into(),
    };
    let found = health.check(request.clone()).await?.into_inner();
    equal(found.status(), ServingStatus::Serving)?;
    let first = health.watch(request).await?.into_inner().message().await?;
    equal(
        first.map(|found| found.status()),
        Some(ServingStatus::Serving),
    )
}

// Calls of the same connection are served while the stream is not read.
async fn stream(mut ids: Client) -> Outcome {
    let mut messages = ids
        .stream_i_ds(pb::StreamIDsRequest::default())
        .await?
        .into_inner();
    let mut got = 0;
    while got < 50000 {
        let made = messages.message().await?.ok_or("the stream has ended")?.ids;
        for _ in 0..if got == 0 { 100 } else { 0 } {
            generate(ids.clone(), "").await?;
        }
        record(&made)?;
        got += made.len();
    }
    Ok(()) // to drop a stream is to cancel it
}

async fn deadline(mut ids: Client) -> Outcome {
    let mut request = Request::new(batch_of(200, "slow"));
    request.set_timeout(Duration::from_millis(50));
    match ids.generate_batch(request).await {
        // When its own clock is faster than the server's answer, tonic says CANCELLED.
        Err(status) if status.code() == Code::Cancelled => Ok(()),
        result => ends_with(Code::DeadlineExceeded, result),
    }
}

async fn checks(channel: Channel, mut ids: Client) {
    check("GenerateID", generate_one(ids.clone())).await;
    check("GenerateBatch", generate_batch(ids.clone())).await;
    check("ParseID and HealthCheck", parse_and_check(ids.clone())).await;
    check("IDs of 2^63 and above", generate_high(ids.clone())).await;
    check("health: Check and Watch", check_health(channel.clone())).await;
    check(
        "StreamIDs with flow control, cancelled",
        stream(ids.clone()),
    )
    .await;
    check("a deadline: DEADLINE_EXCEEDED", deadline(ids.clone())).await;
    let refused = client(&channel, "wrong")
        .generate_id(pb::GenerateIdRequest::default())
        .await;
    let wrong_token = async { ends_with(Code::Unauthenticated, refused) };
    check("a wrong token: UNAUTHENTICATED", wrong_token).await;
    let refused = ids.generate_batch(batch_of(0, "")).await;
    let wrong_count = async { ends_with(Code::InvalidArgument, refused) };
    check("a count of 0: INVALID_ARGUMENT", wrong_count).await;
    let compressing = ids.send_compressed(CompressionEncoding::Gzip);
    check(
        "a request compressed with gzip",
        generate_batch(compressing),
    )
    .await;
}

async fn end_of_input() {
    let mut input = Vec::new();
    tokio::io::stdin().read_to_end(&mut input).await.unwrap();
}

// Other clients repeat by themselves what a server that sends GOAWAY has not seen. hyper fails a
// call if GOAWAY comes while it is about to send it (Canceled: "dropped before ever being
// processed"), and tonic leaves repeating to its user.
async fn generate_or_repeat(ids: &Client) -> Outcome {
    loop {
        let outcome = generate_one(ids.clone()).await;
        let error = format!("{:?}", outcome.as_ref().err());
        if !error.contains("NO_ERROR, Remote") && !error.contains("hyper::Error(Canceled") {
            return outcome;
        }
        println!("# repeated after GOAWAY");
    }
}

// Calls until the end of the input.
async fn load(ids: Client) {
    static ENDED: AtomicBool = AtomicBool::new(false);
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let ids = ids.clone();
            tokio::spawn(async move {
                while !ENDED.load(Relaxed) {
                    if let Err(error) = generate_or_repeat(&ids).await {
                        println!("{error:?}");
                        exit(1);
                    }
                }
            })
        })
        .collect();
    end_of_input().await;
    ENDED.store(true, Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
}

async fn idle(ids: Client) {
    check("a call", generate_one(ids.clone())).await;
    end_of_input().await;
    check("a call after keepalive pings", generate_one(ids)).await;
}

#[tokio::main]
async fn main() -> Outcome {
    let arguments: Vec<String> = args().collect();
    let channel = connect(&arguments[2])?;
    let ids = client(&channel, &var("TOKEN")?);
    match arguments[1].as_str() {
        "checks" => checks(channel, ids).await,
        "load" => load(ids).await,
        _ => idle(ids).await,
    }
    exit(FAILED.load(Relaxed) as i32)
}
