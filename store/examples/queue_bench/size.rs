//! How much is measured.

/// The numbers of jobs and rounds.
#[derive(Clone, Copy)]
pub struct Size {
    pub is_full: bool,
    pub rounds: u32,
    /// Jobs of one measurement of ours, and of BullMQ's.
    pub jobs: u64,
    pub bullmq_jobs: u64,
    /// Commands of one kind for the floor.
    pub commands: u64,
    /// Jobs at low load, one every five milliseconds.
    pub low_load: u64,
    /// Pending jobs, and how many others come due within which time.
    pub pending: u64,
    pub coming: u64,
    pub coming_within_ms: u64,
    /// Keys with a bucket each, and into how many slices their run is divided.
    pub keys: u64,
    pub slices: u64,
}

impl Size {
    pub const FULL: Self = Self {
        is_full: true,
        rounds: 3,
        jobs: 150_000,
        bullmq_jobs: 20_000,
        commands: 200_000,
        low_load: 1_000,
        pending: 1_000_000,
        coming: 10_000,
        coming_within_ms: 10_000,
        keys: 1_000_000,
        slices: 10,
    };

    pub const QUICK: Self = Self {
        is_full: false,
        rounds: 2,
        jobs: 20_000,
        bullmq_jobs: 4_000,
        commands: 30_000,
        low_load: 200,
        pending: 20_000,
        coming: 1_000,
        coming_within_ms: 1_000,
        keys: 20_000,
        slices: 2,
    };
}
