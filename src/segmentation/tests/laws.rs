//! The law: whatever happens in whatever order, who belongs to a segment is who belongs to it if
//! everybody is asked anew.

use std::time::Duration;

use proptest::prelude::*;

use super::world::{Past, World};
use crate::id::{GroupId, ProfileId};

const PEOPLE: u8 = 4;
const METRICS: [&str; 2] = ["Opened", "Ordered"];

#[derive(Clone, Debug)]
enum Happening {
    Event { person: u8, metric: u8, hours_ago: i16, value: Option<u8>, brand: u8 },
    Plan { person: u8, plan: u8 },
    Date { person: u8, hours_ago: i16 },
    OnList { person: u8, is_on: bool },
    Merge { from: u8, into: u8 },
    Erase { person: u8 },
    Advance { hours: u16 },
    AdvanceSeconds { seconds: u32 },
    Define { segment: u8, definition: u8 },
    Activate { segment: u8, is_active: bool },
    Restart,
}

fn happening() -> impl Strategy<Value = Happening> {
    let person = || 0..PEOPLE;
    prop_oneof![
        8 => (person(), 0..2_u8, -30..1_000_i16, proptest::option::of(0..50_u8), 0..3_u8).prop_map(
            |(person, metric, hours_ago, value, brand)| Happening::Event {
                person, metric, hours_ago, value, brand
            }
        ),
        3 => (person(), 0..4_u8).prop_map(|(person, plan)| Happening::Plan { person, plan }),
        2 => (person(), -400..400_i16)
            .prop_map(|(person, hours_ago)| Happening::Date { person, hours_ago }),
        3 => (person(), any::<bool>())
            .prop_map(|(person, is_on)| Happening::OnList { person, is_on }),
        1 => (person(), person()).prop_map(|(from, into)| Happening::Merge { from, into }),
        1 => person().prop_map(|person| Happening::Erase { person }),
        4 => (1..400_u16).prop_map(|hours| Happening::Advance { hours }),
        1 => (1..7_200_u32).prop_map(|seconds| Happening::AdvanceSeconds { seconds }),
        2 => (0..4_u8, 0..9_u8)
            .prop_map(|(segment, definition)| Happening::Define { segment, definition }),
        1 => (0..4_u8, any::<bool>())
            .prop_map(|(segment, is_active)| Happening::Activate { segment, is_active }),
        1 => Just(Happening::Restart),
    ]
}

/// What a segment may be defined by; `groups` are the list and the segment that it may name.
fn definition(number: u8, metrics: &[String; 2], list: GroupId, other: GroupId) -> String {
    let [opened, ordered] = metrics;
    let metric = |metric: &str,
                  measurement: &str,
                  operator: &str,
                  value: u8,
                  timeframe: &str,
                  filters: &str| {
        format!(
            r#"{{"type":"profile-metric","metric_id":"{metric}","measurement":"{measurement}",
            "measurement_filter":{{"type":"numeric","operator":"{operator}","value":{value}}},
            "timeframe_filter":{{"type":"date",{timeframe}}},"metric_filters":{filters}}}"#
        )
    };
    let last = |hours: u16| format!(r#""operator":"in-the-last","unit":"hour","quantity":{hours}"#);
    let always = r#""operator":"alltime""#;
    let groups: Vec<String> = match number {
        0 => vec![metric(opened, "count", "equals", 0, &last(240), "null")],
        1 => vec![
            metric(ordered, "sum", "greater-than-or-equal", 60, &last(300), "null"),
            metric(ordered, "count", "greater-than", 2, always, "null"),
        ],
        2 => vec![metric(
            opened,
            "count",
            "less-than",
            2,
            r#""operator":"between","start":24,"end":200,"unit":"hour""#,
            r#"[{"property":"brand","filter":{"type":"string","operator":"equals","value":"b1"}}]"#,
        )],
        3 => vec![
            r#"{"type":"profile-property","property":"properties['plan']","filter":
            {"type":"string","operator":"equals","value":"p1"}}"#
                .to_owned(),
        ],
        4 => vec![
            r#"{"type":"profile-property","property":"properties['when']","filter":
            {"type":"date","operator":"in-the-last","unit":"hour","quantity":100}}"#
                .to_owned(),
        ],
        5 => vec![format!(
            r#"{{"type":"profile-group-membership","is_member":true,"group_ids":["{list}"],
            "timeframe_filter":{{"type":"date","operator":"at-least","unit":"hour","quantity":48}}}}"#
        )],
        6 => vec![format!(
            r#"{{"type":"profile-group-membership","is_member":false,"group_ids":["{list}","{other}"]}}"#
        )],
        7 => vec![format!(
            r#"{{"type":"profile-metric-funnel","timeframe_filter":{{"type":"date",{}}},
            "completion_window_seconds":"DAYS_3","steps":[
            {{"metric_exists":true,"metric_id":"{opened}"}},
            {{"metric_exists":true,"metric_id":"{ordered}"}}]}}"#,
            last(500)
        )],
        _ => vec![
            metric(opened, "count", "greater-than", 0, &last(72), "null"),
            r#"{"type":"profile-property","property":"properties['when']","filter":
            {"type":"date","operator":"anniversary-next","unit":"day","quantity":3}}"#
                .to_owned(),
        ],
    };
    format!(r#"{{"condition_groups":[{{"conditions":[{}]}}]}}"#, groups.join(","))
}

struct Run {
    world: World,
    metrics: [String; 2],
    list: GroupId,
    segments: Vec<GroupId>,
    active: [bool; 4],
}

impl Run {
    async fn new() -> Self {
        let world = World::new().await;
        let metrics = [world.metric(METRICS[0]).await, world.metric(METRICS[1]).await]
            .map(|id| id.to_string());
        let list = world.list().await;
        let mut segments = Vec::new();
        for number in [0, 1, 3] {
            segments.push(world.segment(&definition(number, &metrics, list, list)).await);
        }
        let fourth = definition(6, &metrics, list, segments[0]);
        segments.push(world.segment(&fourth).await);
        Self { world, metrics, list, segments, active: [true; 4] }
    }

    fn name(person: u8) -> String {
        format!("person-{person}")
    }

    async fn make(&self, person: u8) -> ProfileId {
        self.world.person(&Self::name(person), r#""first_name":"A""#).await
    }

    async fn happens(&mut self, happening: Happening) {
        let hours = |hours: i16| i64::from(hours) * 3_600;
        match happening {
            Happening::Event { person, metric, hours_ago, value, brand } => {
                let properties = format!(r#"{{"brand":"b{brand}"}}"#);
                let (person, metric) = (Self::name(person), METRICS[usize::from(metric)]);
                let value = value.map(i64::from);
                let seconds_ago = hours(hours_ago);
                let past = Past { metric, seconds_ago, properties: &properties, value };
                self.world.event(&person, past).await;
            }
            Happening::Plan { person, plan } => {
                let plan = format!(r#""properties":{{"plan":"p{plan}"}}"#);
                self.world.person(&Self::name(person), &plan).await;
            }
            Happening::Date { person, hours_ago } => {
                let at = self.world.now().seconds() - hours(hours_ago);
                let when = format!(r#""properties":{{"when":{at}}}"#);
                self.world.person(&Self::name(person), &when).await;
            }
            Happening::OnList { person, is_on } => {
                let id = self.make(person).await;
                self.world.on_list(self.list, id, is_on).await;
            }
            Happening::Merge { from, into } => {
                let (from, into) = (self.make(from).await, self.make(into).await);
                if from != into {
                    self.world.merge(from, into).await;
                }
            }
            Happening::Erase { person } => {
                let id = self.make(person).await;
                self.world.erase(id).await;
            }
            Happening::Advance { hours } => {
                self.world.clock.advance(Duration::from_secs(u64::from(hours) * 3_600));
            }
            Happening::AdvanceSeconds { seconds } => {
                self.world.clock.advance(Duration::from_secs(u64::from(seconds)));
            }
            Happening::Define { segment, definition: number } => {
                let id = self.segments[usize::from(segment)];
                // Only the last one may name another, so that none depends on itself.
                let number = if number == 6 && segment != 3 { 5 } else { number };
                let text = definition(number, &self.metrics, self.list, self.segments[0]);
                let patch = format!(r#"{{"definition":{text}}}"#);
                self.world.change(id, &patch).await.unwrap();
            }
            Happening::Activate { segment, is_active } => {
                let place = usize::from(segment);
                let patch = format!(r#"{{"is_active":{is_active}}}"#);
                self.world.change(self.segments[place], &patch).await.unwrap();
                self.active[place] = is_active;
            }
            Happening::Restart => self.world.restart(),
        }
    }

    fn check(&self) {
        for (id, is_active) in self.segments.iter().zip(self.active) {
            if is_active {
                let definition = &self.world.segments.get(*id).unwrap().segment.definition;
                assert_eq!(self.world.members(*id), self.world.naive(*id), "{definition}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn who_was_followed_is_who_is_found(
        happenings in prop::collection::vec((happening(), any::<bool>()), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        runtime.block_on(async {
            let mut run = Run::new().await;
            for (happening, settles) in happenings {
                run.happens(happening).await;
                if settles {
                    run.world.settle().await;
                    run.check();
                }
            }
            run.world.settle().await;
            run.check();
            run.world.end();
        });
    }
}
