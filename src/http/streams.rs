//! Server-sent events: a bounded number of streams, a heartbeat, and an end at the stop.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt};
use serde::Serialize;

use super::error::Problem;
use super::state::State;

const HEARTBEAT: Duration = Duration::from_secs(15);

/// One event: its name and its data as JSON.
pub fn event(name: &str, data: &impl Serialize) -> Event {
    let data = serde_json::to_string(data).unwrap_or_else(|_| "null".into());
    Event::default().event(name).data(data)
}

/// Answers with a stream that ends when `events` end, the client leaves or the process stops.
pub fn stream(state: &State, events: impl Stream<Item = Event> + Send + 'static) -> Result<Response, Problem> {
    let slot = state.streams.clone().try_acquire_owned().map_err(|_| {
        let detail = format!("{} event streams are open, and no more may be", state.limits.streams);
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_streams", detail).retry_after(5_000)
    })?;
    let stopped = state.stop.clone().cancelled_owned();
    let events = events.take_until(stopped).map(move |event| {
        let _held = &slot;
        Ok::<_, Infallible>(event)
    });
    let sse = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat"));
    let mut response = sse.into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies of this family hold back small writes unless told not to.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}
