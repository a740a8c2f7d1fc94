//! A TCP proxy between client and server that behaves like a bad network, on command.

mod connection;
mod weather;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, JoinSet};

use self::connection::relay;
use self::weather::Weather;
use super::admin;
use super::port::Port;

/// A running proxy; dropped, it cuts everything. Its weather holds for open connections and for new ones.
#[derive(Debug)]
pub struct Proxy {
    port: Port,
    shared: Arc<Shared>,
    door: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    target: u16,
    weather: Weather,
    open: Mutex<JoinSet<()>>,
    accepted: AtomicU64,
}

impl Proxy {
    /// A proxy to the server on this port of 127.0.0.1; it changes nothing yet.
    pub async fn start(target: u16) -> Self {
        let shared =
            Shared { target, weather: Weather::default(), open: Mutex::default(), accepted: AtomicU64::new(0) };
        let mut proxy = Self { port: Port::claim(), shared: Arc::new(shared), door: None };
        proxy.open_door().await;
        proxy
    }

    /// How clients name the Redis server behind it.
    pub fn url(&self) -> String {
        admin::url(self.port())
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// How many connections are open.
    pub async fn connections(&self) -> usize {
        let mut open = self.shared.open.lock().await;
        while open.try_join_next().is_some() {}
        open.len()
    }

    /// How many connections there ever were.
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Cuts all open connections; when it returns, they are cut. New ones are welcome.
    pub async fn cut_all(&self) {
        self.shared.open.lock().await.shutdown().await;
    }

    /// Cuts the connection that carries the `bytes`th byte of an answer from here on, after that byte. Once.
    pub fn cut_after(&self, bytes: u64) {
        self.shared.weather.cut_after(bytes);
    }

    /// Whatever passes takes this long more, each way.
    pub fn delay(&self, ms: u64) {
        self.shared.weather.set(|forecast| forecast.delay_ms = ms);
    }

    /// No more than this passes, each way on each connection; `None` for no limit.
    pub fn limit(&self, bytes_per_second: Option<u64>) {
        self.shared.weather.set(|forecast| forecast.bytes_per_second = bytes_per_second);
    }

    /// Holds back whatever is sent, until it is switched off: then everything arrives, late, as after a partition.
    pub fn stall(&self, on: bool) {
        self.shared.weather.set(|forecast| forecast.stalls = on);
    }

    /// Accepts connections and swallows whatever is sent, either way, until it is switched off: then all connections
    /// are cut, for something is missing in them.
    pub async fn black_hole(&self, on: bool) {
        self.shared.weather.set(|forecast| forecast.swallows = on);
        if !on {
            self.cut_all().await;
        }
    }

    /// Refuses new connections, until it is switched off; open ones stay.
    pub async fn refuse(&mut self, on: bool) {
        match self.door.take() {
            Some(door) if on => {
                door.abort();
                door.await.ok();
            }
            None if !on => self.open_door().await,
            as_it_is => self.door = as_it_is,
        }
    }

    async fn open_door(&mut self) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port())).await.expect("the claimed port is free");
        self.door = Some(tokio::spawn(accept(listener, Arc::clone(&self.shared))));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.door.iter().for_each(JoinHandle::abort);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        shared.accepted.fetch_add(1, Ordering::SeqCst);
        let mut open = shared.open.lock().await;
        while open.try_join_next().is_some() {}
        open.spawn(relay(client, shared.target, shared.weather.clone()));
    }
}
