//! Reads what is left of a refused request's body, so that a client that is still sending gets to see the answer.
//!
//! Closing a connection with unread bytes resets it, and the client may lose the answer that was on its way. The rest
//! is read and thrown away, for a bounded number of bytes and time; whoever sends more than that is cut off.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header::EXPECT;
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};

const MAX_BYTES: usize = 32 << 20;
const MAX_TIME: Duration = Duration::from_secs(5);

/// A body that handler and drain share; the handler reads first.
#[derive(Clone)]
struct Shared(Arc<Mutex<Body>>);

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}

/// Runs the rest of the way and then reads what it left of the body.
pub async fn drain(request: Request, next: Next) -> Response {
    // A client that waits for "100 Continue" has not begun to send: the answer tells it not to.
    if request.body().is_end_stream() || request.headers().contains_key(EXPECT) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let shared = Shared(Arc::new(Mutex::new(body)));
    let response = next.run(Request::from_parts(parts, Body::new(shared.clone()))).await;
    if response.status().is_client_error() && !shared.is_end_stream() {
        let _slow = tokio::time::timeout(MAX_TIME, discard(shared)).await;
    }
    response
}

async fn discard(mut body: Shared) {
    let mut left = MAX_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        let Some(rest) = left.checked_sub(bytes) else { return };
        left = rest;
    }
}
