//! The listener's loop: accepts, serves each connection, and at the stop lets requests in flight finish.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::router::router;
use super::state::State;

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

const HEADER_READ: Duration = Duration::from_secs(30);
const MAX_HEADERS: usize = 100;
/// hyper answers 431 by itself beyond this; [`super::Limits`] refuse earlier, with a problem document.
const MAX_BUFFER: usize = 64 << 10;
/// The pause after a failed accept: out of file descriptors, most likely, and some will come back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop`; then takes no more connections, ends event streams, and waits for requests in flight.
pub async fn serve(listener: TcpListener, mut state: State, stop: CancellationToken) -> io::Result<()> {
    state.stop = stop.clone();
    let (limits, slots) = (state.limits, Arc::new(Semaphore::new(state.limits.connections)));
    let router = router(state);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = accept(&listener, slots.clone()) => accepted,
        };
        let Some((stream, peer, slot)) = accepted else { continue };
        let connection = connection(stream, Peer(peer), router.clone(), stop.clone());
        connections.spawn(async move {
            connection.await;
            drop(slot);
        });
    }
    drop(listener);
    let finished = tokio::time::timeout(limits.drain, async { while connections.join_next().await.is_some() {} });
    if finished.await.is_err() {
        tracing::warn!(connections = connections.len(), "requests that did not finish in time are cut off");
    }
    connections.shutdown().await;
    Ok(())
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, slots: Arc<Semaphore>) -> Option<Accepted> {
    let slot = slots.acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, slot)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn connection(stream: TcpStream, peer: Peer, router: Router, stop: CancellationToken) {
    let _slower = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let (router, mut request) = (router.clone(), request.map(Body::new));
        request.extensions_mut().insert(peer);
        async move { Ok::<_, Infallible>(router.oneshot(request).await.unwrap_or_else(|never| match never {})) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_READ);
    builder.max_headers(MAX_HEADERS).max_buf_size(MAX_BUFFER);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, peer = %peer.0, "a connection ended early");
    }
}
