//! One reading of everything that a partition holds.

use std::collections::{BTreeMap, BTreeSet};

use redis::{Cmd, Value};

use super::super::answer::Answer;
use super::super::blob::{self, Parts};
use super::super::handle::Redis;
use crate::{Error, IntegrationId, JobId, Result};

/// How much one call reads.
const CHUNK: usize = 2_000;

type Bytes = Vec<u8>;

/// What was read; names as they are stored.
#[derive(Default)]
pub(super) struct Snapshot {
    /// What the headers of jobs say.
    pub(super) jobs: BTreeMap<JobId, Parts>,
    /// Queues and lines: name after the tag -> member -> score.
    pub(super) pending: BTreeMap<Bytes, BTreeMap<Bytes, i64>>,
    /// Jobs that were started before and wait in named lanes, with their due times.
    pub(super) retrying: BTreeMap<Bytes, BTreeMap<Bytes, i64>>,
    /// Leases: job -> how many, and all of them.
    pub(super) leases: BTreeMap<Bytes, i64>,
    /// Dead jobs by integration.
    pub(super) dead: BTreeMap<IntegrationId, BTreeMap<Bytes, i64>>,
    pub(super) masks: BTreeMap<Bytes, Bytes>,
    pub(super) running: BTreeMap<Bytes, Bytes>,
    pub(super) waiting_in_lanes: BTreeMap<Bytes, Bytes>,
    pub(super) ticks: BTreeMap<Bytes, Bytes>,
    /// Where schedules are, and the records of their ticks.
    pub(super) cursors: BTreeMap<Bytes, Bytes>,
    pub(super) outbox: BTreeMap<Bytes, Bytes>,
    pub(super) errors: BTreeSet<Bytes>,
    pub(super) gates: BTreeSet<Bytes>,
    pub(super) let_out: BTreeMap<Bytes, Bytes>,
    pub(super) ready: BTreeSet<Bytes>,
    pub(super) waiting: BTreeMap<Bytes, i64>,
    /// Keys: integration -> key -> id.
    pub(super) keys: BTreeMap<IntegrationId, BTreeMap<Bytes, Bytes>>,
    /// Idempotency keys: (integration, key), as the answers and as the ends have them.
    pub(super) answered: BTreeSet<Bytes>,
    pub(super) answers_end: BTreeSet<Bytes>,
    pub(super) dead_integrations: BTreeSet<Bytes>,
    /// What holds integrations back.
    pub(super) controls: BTreeMap<IntegrationId, crate::queue::Control>,
}

/// Reads everything.
pub(super) async fn read(queue: &Redis, partition: usize) -> Result<Snapshot> {
    let source = Source { queue, tag: queue.partition(partition)?.tag.clone() };
    let mut it = Snapshot::default();
    for (id, blob) in source.hash(b"j").await? {
        let id = source.id(&id).map(JobId::from_bytes)?;
        it.jobs.insert(id, blob::parts(id, &blob)?);
    }
    it.masks = source.hash(b"m").await?;
    it.running = source.hash(b"n").await?;
    it.waiting_in_lanes = source.hash(b"p").await?;
    it.ticks = source.hash(b"t").await?;
    it.cursors = source.hash(b"u").await?;
    it.outbox = source.hash(b"y").await?;
    it.errors = source.hash(b"x").await?.into_keys().collect();
    it.let_out = source.hash(b"a").await?;
    it.gates = source.sorted(b"g").await?.into_keys().collect();
    it.ready = source.sorted(b"r").await?.into_keys().collect();
    it.waiting = source.sorted(b"w").await?;
    it.answers_end = source.sorted(b"e").await?.into_keys().collect();
    it.dead_integrations = source.set(b"D").await?;
    it.leases = source.sorted(b"l").await?;
    it.leases.retain(|lease, _| lease.len() == 24);
    source.by_integration(&mut it).await?;
    source.by_lane(&mut it).await?;
    source.by_named_lane(&mut it).await?;
    Ok(it)
}

struct Source<'a> {
    queue: &'a Redis,
    tag: String,
}

impl Source<'_> {
    /// What belongs to integrations that jobs, controls or idempotency keys name.
    async fn by_integration(&self, it: &mut Snapshot) -> Result<()> {
        let mut integrations: BTreeSet<IntegrationId> = it.jobs.values().map(|job| job.integration).collect();
        let named = it.answers_end.iter().chain(&it.dead_integrations);
        for bytes in named {
            integrations.insert(IntegrationId::from_bytes(self.id(bytes.get(..16).unwrap_or_default())?));
        }
        for integration in integrations {
            let name = |letter: &str| [letter.as_bytes(), b":", &integration.to_bytes()].concat();
            let keys = self.hash(&name("k")).await?;
            it.keys.insert(integration, keys);
            it.dead.insert(integration, self.sorted(&name("d")).await?);
            let answers = self.hash(&name("i")).await?.into_keys();
            it.answered.extend(answers.map(|key| [&integration.to_bytes()[..], &key].concat()));
            it.controls.insert(integration, self.queue.read_control(integration).await?);
        }
        Ok(())
    }

    /// The retries of each lane that jobs or masks name.
    async fn by_named_lane(&self, it: &mut Snapshot) -> Result<()> {
        let of_jobs = it.jobs.values().filter(|job| !job.lane.is_empty()).map(Parts::lane_name);
        let lanes: BTreeSet<Bytes> = of_jobs.chain(it.masks.keys().filter(|lane| lane.len() > 17).cloned()).collect();
        for lane in lanes {
            let retrying = self.sorted(&[b"f:", &lane[..]].concat()).await?;
            if !retrying.is_empty() {
                it.retrying.insert(lane, retrying);
            }
        }
        Ok(())
    }

    /// The queues that jobs or masks name, and the lines at gates.
    async fn by_lane(&self, it: &mut Snapshot) -> Result<()> {
        let mut names: BTreeSet<Bytes> = it.jobs.values().map(Parts::queue).collect();
        for (lane, mask) in &it.masks {
            let mask: u32 = String::from_utf8_lossy(mask).parse().unwrap_or(0);
            if lane.len() != 17 {
                let priorities = (0..10).filter(|priority| mask >> priority & 1 == 1);
                names.extend(priorities.map(|priority| [format!("q{priority}:").as_bytes(), lane].concat()));
            }
        }
        names.extend(it.jobs.values().filter_map(Parts::line));
        names.extend(it.gates.iter().map(|bucket| [b"h:", &bucket[..]].concat()));
        for name in names {
            let members = self.sorted(&name).await?;
            if !members.is_empty() {
                it.pending.insert(name, members);
            }
        }
        Ok(())
    }

    fn id(&self, bytes: &[u8]) -> Result<[u8; 16]> {
        bytes.try_into().map_err(|_| Error::Corrupt(format!("{}: an id is {} bytes long", self.tag, bytes.len())))
    }

    async fn hash(&self, name: &[u8]) -> Result<BTreeMap<Bytes, Bytes>> {
        let pairs = self.scan("HSCAN", name).await?;
        Ok(pairs.into_iter().collect())
    }

    async fn sorted(&self, name: &[u8]) -> Result<BTreeMap<Bytes, i64>> {
        #[expect(clippy::cast_possible_truncation, reason = "scores are whole numbers below 2^53, or infinite")]
        let score = |text: &Bytes| String::from_utf8_lossy(text).parse::<f64>().unwrap_or(f64::NAN) as i64;
        let pairs = self.scan("ZSCAN", name).await?;
        Ok(pairs.into_iter().map(|(member, text)| (member, score(&text))).collect())
    }

    async fn set(&self, name: &[u8]) -> Result<BTreeSet<Bytes>> {
        let mut answer = Answer::new(self.command(redis::cmd("SMEMBERS").arg(self.key(name))).await?)?;
        let mut members = BTreeSet::new();
        while !answer.is_empty() {
            members.insert(answer.bytes()?);
        }
        Ok(members)
    }

    async fn scan(&self, command: &str, name: &[u8]) -> Result<Vec<(Bytes, Bytes)>> {
        let (mut pairs, mut cursor) = (Vec::new(), "0".to_owned());
        loop {
            let mut scan = redis::cmd(command);
            scan.arg(self.key(name)).arg(&cursor).arg("COUNT").arg(CHUNK);
            let mut answer = Answer::new(self.command(&scan).await?)?;
            cursor = answer.text()?;
            let mut part = answer.list()?;
            while !part.is_empty() {
                pairs.push((part.bytes()?, part.bytes()?));
            }
            if cursor == "0" {
                return Ok(pairs);
            }
        }
    }

    fn key(&self, name: &[u8]) -> Bytes {
        [self.tag.as_bytes(), b":", name].concat()
    }

    async fn command(&self, command: &Cmd) -> Result<Value> {
        self.queue.shared.link.command(command).await
    }
}
