//! `GET /api/events`: pages of events by metric, person and time (contract: wire.md §4.1, §4.3).
//!
//! A cursor is a place in time and the direction in which the page lies, so it stays good whatever
//! events arrive.

use std::collections::BTreeSet;

use super::{Asked, event_fields, filter, people};
use crate::api::error::Problem;
use crate::api::{Answer, Call, jsonapi, metrics};
use crate::event::{self, Event, Page, Place};
use crate::limits;
use crate::store::Order;

const PAGE_DEFAULT: usize = 200;

/// `GET /api/events`.
pub(in crate::api) async fn list(call: Call) -> Answer {
    let include = call.query.include(&super::INCLUDE)?;
    let fields = event_fields(&call)?;
    let metric_fields = call.query.fields("metric", &metrics::FIELDS)?;
    let asked = Asked::of(&call)?;
    let turn = Turn::asked(&call)?;
    let of = filter::read(&call.query.filter(filter::KNOWN)?)?;
    let size = call.query.page_size(PAGE_DEFAULT, limits::EVENTS_PAGE_MAX)?;
    let (store, wants_people) = (call.parts().store.clone(), include.contains(&"profile"));
    let base = call.base().to_owned();
    let read = move || {
        let from = store.snapshot()?;
        let page = event::list(&from, &of, turn.order(), turn.after, size)?;
        let ids = page.events.iter().map(|event| event.profile).filter(|_| wants_people);
        let profiles = people(&from, &asked, &base, ids)?;
        Ok::<_, Problem>((turn.in_order(page), profiles))
    };
    let (page, profiles) = call.apart(read).await??;
    let mut included = Vec::new();
    if include.contains(&"metric") {
        let ids: BTreeSet<_> = page.events.iter().map(|event| event.metric).collect();
        let found = ids.into_iter().filter_map(|id| call.parts().metrics.get(id));
        included.extend(found.map(|of| {
            metrics::resource(call.base(), &of).to_bytes(call.base(), metric_fields.as_deref())
        }));
    }
    included.extend(profiles);
    let data: Vec<Vec<u8>> = page
        .events
        .iter()
        .map(|event| {
            let mut resource = Vec::new();
            event::push_resource(&mut resource, event, call.base(), fields);
            resource
        })
        .collect();
    let (next, prev) = turn.links(&page);
    Ok(jsonapi::many_both_ways(&call, &data, &included, (next.as_deref(), prev.as_deref())))
}

/// Where a page lies.
#[derive(Clone, Copy)]
struct Turn {
    /// The order of the listing.
    sort: Order,
    /// Whether the page is the one before a place, and not the one behind it.
    is_back: bool,
    after: Option<Place>,
}

impl Turn {
    fn asked(call: &Call) -> Result<Self, Problem> {
        let sort = call.query.sort(&["datetime", "timestamp"])?;
        let sort = sort.map_or(Order::Descending, |(_, order)| order);
        let Some(cursor) = call.query.cursor()? else {
            return Ok(Self { sort, is_back: false, after: None });
        };
        let wrong =
            || Problem::parameter("page[cursor]", "is not a cursor that this call gave out");
        let (is_back, place) = read_cursor(&cursor).ok_or_else(wrong)?;
        Ok(Self { sort, is_back, after: Some(place) })
    }

    /// The order in which the page is read.
    const fn order(self) -> Order {
        match (self.sort, self.is_back) {
            (Order::Ascending, false) | (Order::Descending, true) => Order::Ascending,
            (Order::Descending, false) | (Order::Ascending, true) => Order::Descending,
        }
    }

    /// The page in the order of the listing.
    fn in_order(self, mut page: Page) -> Page {
        if self.is_back {
            page.events.reverse();
        }
        page
    }

    /// The cursors of the next page and of the one before.
    fn links(self, page: &Page) -> (Option<String>, Option<String>) {
        let (has_next, has_prev) = match self.is_back {
            false => (page.has_more, self.after.is_some()),
            true => (true, page.has_more),
        };
        let next = page.events.last().filter(|_| has_next).map(|event| cursor("next", event));
        let prev = page.events.first().filter(|_| has_prev).map(|event| cursor("prev", event));
        (next, prev)
    }
}

fn cursor(direction: &str, event: &Event) -> String {
    format!("{direction}.{}.{}", event.time.seconds(), event.id)
}

fn read_cursor(text: &str) -> Option<(bool, Place)> {
    let (direction, place) = text.split_once('.')?;
    let (second, id) = place.split_once('.')?;
    let is_back = match direction {
        "next" => false,
        "prev" => true,
        _ => return None,
    };
    Some((is_back, Place::new(second.parse().ok()?, id.parse().ok()?)))
}
