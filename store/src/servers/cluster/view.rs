//! A cluster as one of its nodes sees it: the lines of CLUSTER NODES.

use crate::servers::redis::Server;

/// What a node knows of all nodes, itself among them.
pub struct View(Vec<Line>);

/// What a node knows of one node.
pub struct Line {
    flags: Vec<String>,
    /// The id of the primary that it is a replica of; `-` for a primary.
    pub primary: String,
    /// Greater for whoever took its slots later.
    pub epoch: u64,
    is_linked: bool,
    slots: Vec<(u16, u16)>,
}

impl View {
    /// What `server` says; nothing if it does not answer.
    pub async fn of(server: &Server) -> Option<Self> {
        let text: String = server.try_ask(&["CLUSTER", "NODES"]).await.ok()?;
        text.lines().map(Line::parse).collect::<Option<_>>().map(Self)
    }

    /// The node that was asked.
    pub fn myself(&self) -> Option<&Line> {
        self.0.iter().find(|line| line.is("myself"))
    }

    /// Whether it knows and reaches `nodes` nodes, `replicas` of them replicas.
    pub fn is_complete(&self, nodes: usize, replicas: usize) -> bool {
        let is_settled = |line: &Line| line.is_linked && !line.is("handshake") && !line.is("fail?") && !line.is("fail");
        let linked = self.0.iter().filter(|line| is_settled(line)).count();
        linked == nodes && self.0.iter().filter(|line| line.is("slave")).count() == replicas
    }
}

impl Line {
    /// Whether it has slots of its own, or could.
    pub fn is_primary(&self) -> bool {
        self.is("master")
    }

    /// Whether `slot` is one of its own.
    pub fn has(&self, slot: u16) -> bool {
        self.is_primary() && self.slots.iter().any(|(first, last)| (*first..=*last).contains(&slot))
    }

    fn is(&self, flag: &str) -> bool {
        self.flags.iter().any(|other| other == flag)
    }

    /// `id address flags primary ping pong epoch link slots…`; slots that move are in brackets.
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, _, flags, primary, _, _, epoch, link, slots @ ..] = words.as_slice() else { return None };
        Some(Self {
            flags: flags.split(',').map(str::to_owned).collect(),
            primary: (*primary).to_owned(),
            epoch: epoch.parse().ok()?,
            is_linked: *link == "connected",
            slots: slots.iter().filter_map(|text| range(text)).collect(),
        })
    }
}

fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_whose_the_slots_are() {
        let line = "e7d1 127.0.0.1:30001@31001 myself,master - 0 1426238317239 4 connected 0-5460 7000 [93->-29297]";
        let line = Line::parse(line).expect("it is a line");
        let check = |slot: u16, expected: bool| assert_eq!(line.has(slot), expected, "slot {slot}");
        check(0, true);
        check(5460, true);
        check(5461, false);
        check(7000, true);
        check(29297, false);
    }
}
