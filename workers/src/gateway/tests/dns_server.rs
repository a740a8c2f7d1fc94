//! A DNS server on UDP and TCP, which answers whatever a test wants and remembers what it was asked.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::CNAME;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Notify;

/// Something the server was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// In lower case, without the dot at its end.
    pub(super) name: String,
    /// Whether it was asked for IPv6 addresses; else for IPv4 ones.
    pub(super) v6: bool,
    /// How often the same was asked before.
    pub(super) before: usize,
    /// Whether it came by TCP.
    pub(super) tcp: bool,
}

/// What the server says to it.
pub(super) enum Reply {
    /// These records, as many as there are.
    Records(Vec<Record>),
    /// These records, and that there would be more: ask by TCP.
    Truncated(Vec<Record>),
    /// No such name.
    NoName,
    /// The server's own failure.
    Failure,
    /// These records, once the test says so.
    Later(Arc<Notify>, Vec<Record>),
    /// The right records under another question's number.
    Misnumbered(Vec<Record>),
}

/// Answers questions.
type Teller = dyn Fn(&Question) -> Reply + Send + Sync;

struct Told {
    tell: Box<Teller>,
    asked: Mutex<Vec<Question>>,
}

/// A running server; it ends with the test's runtime.
pub(super) struct DnsServer {
    pub(super) address: SocketAddr,
    told: Arc<Told>,
}

impl DnsServer {
    pub(super) async fn start(tell: impl Fn(&Question) -> Reply + Send + Sync + 'static) -> Self {
        let told = Arc::new(Told { tell: Box::new(tell), asked: Mutex::default() });
        let (tcp, udp) = both().await;
        let address = udp.local_addr().unwrap();
        tokio::spawn(serve_udp(Arc::new(udp), Arc::clone(&told)));
        tokio::spawn(serve_tcp(tcp, Arc::clone(&told)));
        Self { address, told }
    }

    /// What it was asked, in order.
    pub(super) fn asked(&self) -> Vec<Question> {
        self.told.asked.lock().unwrap().clone()
    }
}

/// An address of `name`, which may not be kept.
pub(super) fn address(name: &str, ip: &str) -> Record {
    Record::from_rdata(Name::from_ascii(format!("{name}.")).unwrap(), 0, RData::from(ip.parse::<IpAddr>().unwrap()))
}

/// The addresses of `name` that are of the kind that was asked for.
pub(super) fn addresses(question: &Question, ips: &[&str]) -> Reply {
    let fits = |ip: &&&str| ip.contains(':') == question.v6;
    Reply::Records(ips.iter().filter(fits).map(|ip| address(&question.name, ip)).collect())
}

/// `name` is another name for `target`.
pub(super) fn alias(name: &str, target: &str) -> Record {
    let target = CNAME(Name::from_ascii(format!("{target}.")).unwrap());
    Record::from_rdata(Name::from_ascii(format!("{name}.")).unwrap(), 0, RData::CNAME(target))
}

/// Sockets for both, with one port.
async fn both() -> (TcpListener, UdpSocket) {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
            return (tcp, udp);
        }
    }
}

async fn serve_udp(socket: Arc<UdpSocket>, told: Arc<Told>) {
    let mut packet = [0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut packet).await {
        let (answer, when) = told.answer(&packet[..length], false);
        let socket = Arc::clone(&socket);
        tokio::spawn(async move {
            if let Some(when) = when {
                when.notified().await;
            }
            let _ = socket.send_to(&answer, from).await;
        });
    }
}

async fn serve_tcp(listener: TcpListener, told: Arc<Told>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve_stream(stream, Arc::clone(&told)));
    }
}

async fn serve_stream(mut stream: TcpStream, told: Arc<Told>) {
    while let Ok(length) = stream.read_u16().await {
        let mut packet = vec![0; usize::from(length)];
        if stream.read_exact(&mut packet).await.is_err() {
            return;
        }
        let (answer, when) = told.answer(&packet, true);
        if let Some(when) = when {
            when.notified().await;
        }
        let length = u16::try_from(answer.len()).unwrap();
        if stream.write_u16(length).await.is_err() || stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

impl Told {
    /// The bytes of the answer to these of a question, and what to wait for before they are sent.
    fn answer(&self, packet: &[u8], tcp: bool) -> (Vec<u8>, Option<Arc<Notify>>) {
        let asked = Message::from_vec(packet).unwrap();
        let query = asked.queries[0].clone();
        let name = query.name().to_ascii().trim_end_matches('.').to_ascii_lowercase();
        let v6 = query.query_type() == RecordType::AAAA;
        let question = {
            let mut all = self.asked.lock().unwrap();
            let before = all.iter().filter(|one| one.name == name && one.v6 == v6).count();
            let question = Question { name, v6, before, tcp };
            all.push(question.clone());
            question
        };
        let mut answer = Message::response(asked.metadata.id, OpCode::Query);
        answer.metadata.recursion_desired = true;
        answer.metadata.recursion_available = true;
        answer.add_query(query);
        let mut when = None;
        let records = match (self.tell)(&question) {
            Reply::Records(records) => records,
            Reply::Truncated(records) => {
                answer.metadata.truncation = true;
                records
            }
            Reply::NoName => {
                answer.metadata.response_code = ResponseCode::NXDomain;
                vec![]
            }
            Reply::Failure => {
                answer.metadata.response_code = ResponseCode::ServFail;
                vec![]
            }
            Reply::Later(notify, records) => {
                when = Some(notify);
                records
            }
            Reply::Misnumbered(records) => {
                answer.metadata.id = answer.metadata.id.wrapping_add(1);
                records
            }
        };
        answer.add_answers(records);
        (answer.to_vec().unwrap(), when)
    }
}
