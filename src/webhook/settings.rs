//! What a webhook may say beyond the original: how its deliveries look, when they leave, how often.
//!
//! All of it is optional; [`Settings::default`] is the behaviour of the original, so that a client
//! of its API never has to know. Plain values that were checked by `parse`; secrets among them
//! are [`Secret`]s, which `rows` seals.

use std::time::Duration;

use crate::condition::Filter;
use crate::egress::TlsSettings;
use crate::secret::Secret;
use crate::signing::Scheme;

/// Everything that a webhook may say beyond the original.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// How a delivery is sent.
    pub method: Method,
    /// Headers sent besides ours, in the order given; their values are never shown again.
    pub headers: Vec<(String, Secret)>,
    /// Which events of the topics are wanted; `None` is all of them.
    pub filter: Option<ContentFilter>,
    /// What the payload holds besides the event.
    pub include: Include,
    /// The deadline of an attempt; `None` is the configured one.
    pub timeout: Option<Duration>,
    /// When retries come.
    pub schedule: Schedule,
    /// A delivery older than this gets no further attempt; `None` leaves it to the schedule.
    pub max_age: Option<Duration>,
    /// Attempts under way at the same time; `None` is the configured number.
    pub concurrency: Option<usize>,
    /// How many attempts may begin in a period.
    pub rate_limit: Option<RateLimit>,
    /// What is kept in order.
    pub ordering: Ordering,
    /// In an ordered webhook, a delivery that failed this long is parked, so that what waits
    /// behind it goes on; `None` waits until the schedule ends.
    pub park_after: Option<Duration>,
    /// How events are gathered into one delivery; `None` sends each on its own.
    pub batch: Option<Batch>,
    /// Authorities and the client certificate of this endpoint.
    pub tls: TlsSettings,
    /// How tidings proves itself to the endpoint, besides signatures.
    pub auth: Option<Auth>,
    /// The signatures that deliveries carry.
    pub signatures: Signatures,
    /// Whether deliveries are held back; events are taken all the same.
    pub is_paused: bool,
    /// Whether the endpoint is asked for its consent as CloudEvents has it, when the address is
    /// saved.
    pub has_handshake: bool,
    /// Whether the body of the answer to a delivery is kept for who put the delivery there; only
    /// steps of flows have somebody who asks.
    pub captures_response: bool,
}

/// The method of a delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// As the original does.
    #[default]
    Post,
    /// For endpoints that store what they get.
    Put,
    /// For endpoints that change what they have.
    Patch,
    /// For endpoints that are only asked; it has no body. Only for steps of flows.
    Get,
    /// For endpoints that forget what they have. Only for steps of flows.
    Delete,
}

impl Method {
    /// Every method that a subscription may have: an event is a body.
    pub const ALL: [Self; 3] = [Self::Post, Self::Put, Self::Patch];
    /// Every method that the step of a flow may have.
    pub const OF_STEPS: [Self; 5] = [Self::Post, Self::Put, Self::Patch, Self::Get, Self::Delete];

    /// The method's name in HTTP and in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Get => "GET",
            Self::Delete => "DELETE",
        }
    }

    /// Whether a delivery of this method has a body.
    #[must_use]
    pub const fn has_body(self) -> bool {
        !matches!(self, Self::Get)
    }
}

/// A content filter: the checked conditions, and the JSON that they came as.
#[derive(Clone, Debug, PartialEq)]
pub struct ContentFilter {
    /// The JSON as it was received; it is what the API shows and the store keeps.
    pub text: String,
    /// The conditions.
    pub conditions: Filter,
}

/// What the payload holds besides the event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Include {
    /// The metric with its name.
    pub metric: bool,
    /// The profile as it is at the time of sending.
    pub profile: bool,
}

/// When retries come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Schedule {
    /// The operator's: `delivery.retry_schedule`.
    #[default]
    Standard,
    /// 17 retries within 24 hours: 10 s, doubling, at most 3 h (contract: wire.md §2.1).
    Klaviyo,
    /// Eight retries within nine minutes, for events that are worth nothing later.
    Fast,
    /// The delays before the first, second, third… retry.
    Custom(Vec<Duration>),
}

impl Schedule {
    /// The names that the API knows.
    pub const NAMES: [&str; 3] = ["standard", "klaviyo", "fast"];

    /// The delays of the schedule, given the operator's own.
    #[must_use]
    pub fn steps(&self, standard: &[Duration]) -> Vec<Duration> {
        const KLAVIYO_RETRIES: u32 = 17;
        const KLAVIYO_FIRST: Duration = Duration::from_secs(10);
        const KLAVIYO_MOST: Duration = Duration::from_secs(3 * 3_600);
        const FAST_SECONDS: [u64; 8] = [1, 2, 5, 10, 30, 60, 120, 300];
        match self {
            Self::Standard => standard.to_vec(),
            Self::Klaviyo => (0..KLAVIYO_RETRIES)
                .map(|retry| KLAVIYO_FIRST.saturating_mul(1 << retry).min(KLAVIYO_MOST))
                .collect(),
            Self::Fast => FAST_SECONDS.map(Duration::from_secs).to_vec(),
            Self::Custom(steps) => steps.clone(),
        }
    }
}

/// How many attempts may begin in a period; they are spread evenly over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// So many, at least one.
    pub requests: u32,
    /// In each of these.
    pub period: Period,
}

impl RateLimit {
    /// The time between two attempts.
    #[must_use]
    pub fn interval(self) -> Duration {
        self.period.duration() / self.requests.max(1)
    }
}

/// The period of a rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// One second.
    Second,
    /// One minute.
    Minute,
    /// One hour.
    Hour,
}

impl Period {
    /// Every period.
    pub const ALL: [Self; 3] = [Self::Second, Self::Minute, Self::Hour];

    /// The period's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
        }
    }

    /// How long it is.
    #[must_use]
    pub const fn duration(self) -> Duration {
        match self {
            Self::Second => Duration::from_secs(1),
            Self::Minute => Duration::from_secs(60),
            Self::Hour => Duration::from_secs(3_600),
        }
    }
}

/// What a webhook keeps in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ordering {
    /// Nothing: fastest, and a failing delivery delays no other.
    #[default]
    None,
    /// The deliveries about one profile: the next leaves when the one before is finished.
    ByProfile,
    /// All deliveries: one at a time.
    Strict,
}

impl Ordering {
    /// Every ordering.
    pub const ALL: [Self; 3] = [Self::None, Self::ByProfile, Self::Strict];

    /// The ordering's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ByProfile => "by-profile",
            Self::Strict => "strict",
        }
    }
}

/// When a gathering delivery is complete: whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// It holds so many events.
    pub max_events: usize,
    /// Its first event has waited this long.
    pub max_wait: Duration,
    /// The next event would make its data longer than this.
    pub max_bytes: usize,
}

/// How tidings proves itself to an endpoint, besides signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// HTTP Basic (RFC 7617).
    Basic {
        /// The user; no colon.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A fixed bearer token (RFC 6750).
    Bearer {
        /// The token.
        token: Secret,
    },
    /// A bearer token from OAuth 2.0 client credentials (RFC 6749 §4.4).
    OAuth2 {
        /// Where tokens are given out.
        token_url: String,
        /// Who we are there.
        client_id: String,
        /// How we prove it.
        client_secret: Secret,
        /// What we ask for.
        scope: Option<String>,
    },
}

/// The signatures that deliveries carry, each scheme at most once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatures(pub Vec<Scheme>);

impl Default for Signatures {
    /// The original's and that of Standard Webhooks.
    fn default() -> Self {
        Self(vec![Scheme::Klaviyo, Scheme::Standard])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_schedules_are_what_their_names_promise() {
        let standard = [Duration::from_secs(5)];
        assert_eq!(Schedule::Standard.steps(&standard), standard);
        let klaviyo = Schedule::Klaviyo.steps(&standard);
        assert_eq!(klaviyo.len(), 17);
        let hours = klaviyo.iter().sum::<Duration>().as_secs_f64() / 3_600.0;
        assert!((23.0..24.0).contains(&hours), "{hours}");
        let fast = Schedule::Fast.steps(&standard);
        assert_eq!((fast.len(), fast.iter().sum::<Duration>().as_secs()), (8, 528));
    }

    #[test]
    fn a_rate_is_spread_evenly() {
        let rate = RateLimit { requests: 30, period: Period::Minute };
        assert_eq!(rate.interval(), Duration::from_secs(2));
    }
}
