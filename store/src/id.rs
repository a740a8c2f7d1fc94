//! The ids of stored things: ULIDs, so that they sort by the time they were made.

use std::fmt;
use std::str::FromStr;

use schedules::Millis;
use ulid::Ulid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Ulid);

        impl $name {
            /// A new id made at `now`: 48 bits of time, 80 random bits.
            pub fn new(now: Millis) -> Self {
                let millis = u64::try_from(now.0).unwrap_or(0);
                Self(Ulid::from_parts(millis, rand::random()))
            }

            /// The 16 bytes an engine stores; they sort as the id does.
            pub fn to_bytes(self) -> [u8; 16] {
                self.0.to_bytes()
            }

            /// The id whose [`Self::to_bytes`] these are.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Ulid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = ();

            /// Reads the 26 characters of a ULID; anything else is `Err(())`.
            fn from_str(text: &str) -> Result<Self, ()> {
                Ulid::from_string(text).map(Self).map_err(|_| ())
            }
        }
    };
}

id! {
    /// One request to run an integration.
    JobId
}
id! {
    /// One integration; its name may be taken by another one after it is deleted, its id never.
    IntegrationId
}
id! {
    /// One schedule of an integration. The schedule of its settings has the integration's own number.
    ScheduleId
}
id! {
    /// One bulk action.
    BulkId
}
id! {
    /// The place of an event in the log of those that came in.
    EventPlace
}
id! {
    /// One replay of events to an integration.
    ReplayId
}
id! {
    /// One attempt at a job.
    RunId
}
