//! The listener itself, over a socket: huge and broken requests get an answer, and a stop lets requests finish.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::World;
use crate::http::serve;

struct Server {
    world: World,
    address: std::net::SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    async fn start() -> Self {
        let world = World::with_integrations().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (address, stop) = (listener.local_addr().expect("an address"), CancellationToken::new());
        let task = tokio::spawn(serve(listener, world.state.clone(), stop.clone()));
        Self { world, address, stop, task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("connected")
    }

    /// Sends bytes and reads until the server closes.
    async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.expect("sent");
        read_all(&mut stream).await
    }

    async fn stopped(self) {
        self.stop.cancel();
        self.task.await.expect("no panic").expect("no error");
    }
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("read to the end, without a reset");
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

#[tokio::test]
async fn a_huge_body_is_refused_and_the_answer_arrives() {
    let server = Server::start().await;
    let head = |extra: &str| {
        let key = &server.world.admin;
        format!(
            "POST /v1/integrations/a/execute HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n{extra}\r\n"
        )
    };
    let body = vec![b'x'; 3 << 20];
    let declared = [head(&format!("Content-Length: {}\r\n", body.len())).as_bytes(), &body].concat();
    let answer = server.exchange(&declared).await;
    assert_eq!(status(&answer), "413", "{answer}");
    assert!(answer.contains("payload_too_large"), "{answer}");
    let chunk = [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
    let chunked = [head("Transfer-Encoding: chunked\r\n").as_bytes(), &chunk].concat();
    assert_eq!(status(&server.exchange(&chunked).await), "413");
    let stranger = String::from_utf8_lossy(&declared).replace("Bearer tg_", "Bearer no_");
    assert_eq!(status(&server.exchange(stranger.as_bytes()).await), "401");
    server.stopped().await;
}

#[tokio::test]
async fn who_waits_for_a_continue_is_refused_without_sending() {
    let server = Server::start().await;
    let head = "POST /v1/integrations/a/execute HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n";
    let answer = server.exchange(head.as_bytes()).await;
    assert_eq!(status(&answer), "401", "{answer}");
    server.stopped().await;
}

#[tokio::test]
async fn broken_requests_are_4xx_and_harm_nothing() {
    let server = Server::start().await;
    let long = "a".repeat(20_000);
    let check = async |request: String, expected: &[&str]| {
        let answer = server.exchange(request.as_bytes()).await;
        assert!(expected.contains(&status(&answer)), "{:.60}: {:.200}", request, answer);
    };
    let close = "Host: x\r\nConnection: close\r\n";
    check("\0\0\0\r\n\r\n".into(), &["400"]).await;
    check("GET\r\n\r\n".into(), &["400"]).await;
    check(format!("GET /livez HTTP/9.9\r\n{close}\r\n"), &["400"]).await;
    check(format!("GET /livez HTTP/1.1\r\n{close}Bad Header: x\r\n\r\n"), &["400"]).await;
    check(format!("GET /{long} HTTP/1.1\r\n{close}\r\n"), &["414"]).await;
    check(format!("GET /livez HTTP/1.1\r\n{close}X: {long}\r\nY: {long}\r\n\r\n"), &["431"]).await;
    check(format!("GET /livez HTTP/1.1\r\n{close}X: {}\r\n\r\n", long.repeat(5)), &["431"]).await;
    check(format!("GET /livez HTTP/1.1\r\n{close}{}\r\n", "X: y\r\n".repeat(200)), &["431"]).await;
    check(format!("POST /livez HTTP/1.1\r\n{close}Content-Length: -1\r\n\r\n"), &["400"]).await;
    check(format!("POST /livez HTTP/1.1\r\n{close}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), &["400"]).await;
    check(format!("POST /livez HTTP/1.1\r\n{close}Transfer-Encoding: chunked\r\n\r\nzz\r\n"), &["400", "405"]).await;
    check(format!("GET /livez HTTP/1.1\r\n{close}\r\n"), &["200"]).await;
    server.stopped().await;
}

#[tokio::test]
async fn a_stop_ends_streams_and_idle_connections_and_lets_requests_finish() {
    let server = Server::start().await;
    let mut idle = server.connect().await;
    let mut stream = server.connect().await;
    let key = server.world.admin.clone();
    let head = format!("GET /v1/runs/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut first = [0_u8; 16];
    stream.read_exact(&mut first).await.expect("the stream began");
    let mut slow = server.connect().await;
    let head = format!(
        "POST /v1/integrations/a/cancel HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"
    );
    slow.write_all(head.as_bytes()).await.expect("sent");
    slow.write_all(b"{\"key\":").await.expect("half of the body");
    // The server has read the head once it took a request that came after it on another connection.
    server.exchange(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    server.stop.cancel();
    assert!(read_all(&mut stream).await.ends_with("0\r\n\r\n"), "the stream ends in order");
    assert_eq!(read_all(&mut idle).await, "", "an idle connection is closed");
    slow.write_all(b"{\"a\":1}}").await.expect("the rest");
    let answer = read_all(&mut slow).await;
    assert_eq!(status(&answer), "200", "{answer}");
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
    server.stopped().await;
}
