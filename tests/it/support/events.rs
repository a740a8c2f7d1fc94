//! A stream of server-sent events, read one by one.

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::Value;

use super::process::Server;
use super::{KEY, PATIENCE};

/// One event.
#[derive(Debug)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// Its data as JSON.
    pub data: Value,
}

/// An open stream.
pub struct Stream {
    bytes: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    text: String,
}

impl Server {
    /// Opens a stream of events.
    pub async fn stream(&self, path: &str) -> Stream {
        let request = self.client().get(format!("{}{path}", self.url())).header("accept", "text/event-stream");
        let response =
            request.header("authorization", format!("Bearer {KEY}")).send().await.expect("the server answers");
        assert_eq!(response.status().as_u16(), 200, "{path}");
        let bytes = response.bytes_stream().map(|chunk| chunk.map(|chunk| chunk.to_vec())).boxed();
        Stream { bytes, text: String::new() }
    }
}

impl Stream {
    /// The next event; comments are passed over. A tick a minute is the slowest thing that is waited for.
    pub async fn next(&mut self) -> Event {
        tokio::time::timeout(PATIENCE * 2, self.read()).await.expect("gave up waiting for an event")
    }

    async fn read(&mut self) -> Event {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let event = parse(block);
                self.text = rest.to_owned();
                if let Some(event) = event {
                    return event;
                }
            }
            let chunk = self.bytes.next().await.expect("the stream goes on").expect("the stream is whole");
            self.text.push_str(std::str::from_utf8(&chunk).expect("events are UTF-8"));
        }
    }
}

fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let data = serde_json::from_str(field("data:")?).expect("the data is JSON");
    Some(Event { name: field("event:").unwrap_or("message").to_owned(), data })
}
