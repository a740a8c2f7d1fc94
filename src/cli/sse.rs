//! Server-sent events, as they come over the wire in pieces.

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its name; `message` when the server gave none.
    pub name: String,
    /// Its data, lines joined.
    pub data: String,
}

/// The most bytes of an event that has not ended; a result is at most 1 MiB, logs 256 KiB.
const MAX_BYTES: usize = 8 << 20;

/// Cuts pieces of a stream into events.
#[derive(Default)]
pub struct Parser {
    rest: Vec<u8>,
}

impl Parser {
    /// Takes a piece; gives the events that it completes. `None` when an event outgrows every bound.
    pub fn push(&mut self, piece: &[u8]) -> Option<Vec<Event>> {
        self.rest.extend(piece.iter().filter(|byte| **byte != b'\r'));
        let mut events = Vec::new();
        while let Some(end) = self.rest.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = self.rest.drain(..end + 2).collect();
            events.extend(event(&String::from_utf8_lossy(&block)));
        }
        (self.rest.len() <= MAX_BYTES).then_some(events)
    }
}

/// The event of a block; comments and heartbeats make none.
fn event(block: &str) -> Option<Event> {
    let mut event = Event { name: "message".into(), data: String::new() };
    let mut data = Vec::new();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => event.name = value.to_owned(),
            "data" => data.push(value),
            _ => {}
        }
    }
    event.data = data.join("\n");
    (!data.is_empty()).then_some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_the_same_however_the_stream_is_cut() {
        let text =
            b": hi\n\nevent: line\ndata: {\"a\":1}\n\ndata: x\r\ndata: y\r\n\r\nevent: none\n\nid: 3\ndata:z\n\n";
        let expected = [("line", "{\"a\":1}"), ("message", "x\ny"), ("message", "z")]
            .map(|(name, data)| Event { name: name.into(), data: data.into() });
        for size in 1..text.len() {
            let mut parser = Parser::default();
            let events: Vec<Event> = text.chunks(size).flat_map(|piece| parser.push(piece).unwrap()).collect();
            assert_eq!(events, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_without_end_is_given_up() {
        let mut parser = Parser::default();
        assert!(parser.push(&vec![b'x'; MAX_BYTES]).is_some());
        assert!(parser.push(b"x").is_none());
    }
}
