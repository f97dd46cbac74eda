//! What is to become of a run: what was decided from a snapshot, before anything is written.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::flow::run::What;
use crate::flow::{Flow, Live, Run, Step, WebhookStep};
use crate::id::{ActionId, GroupId};
use crate::profile::ProfilePatch;
use crate::template::{RenderedRequest, RequestTemplate};

/// What is to become of a run.
pub(super) struct Plan {
    /// The run as it was looked at.
    pub(super) run: Run,
    /// The flow as it was looked at.
    pub(super) flow: Live,
    /// Whether the person enters now.
    pub(super) enters: bool,
    /// What happens, in order.
    pub(super) deeds: Vec<Deed>,
    /// Where it stands then.
    pub(super) then: Then,
}

/// Something that happens in an action.
pub(super) struct Deed {
    /// The action.
    pub(super) action: ActionId,
    /// What.
    pub(super) kind: DeedKind,
}

pub(super) enum DeedKind {
    /// Only the timeline tells it.
    Branch(What),
    /// The action was passed without being done, for this reason.
    Skip(String),
    /// It waits for approval.
    Queue,
    /// The person is changed.
    Change(Change),
    /// A webhook is sent.
    Send(Box<Send>),
}

/// A change of the person.
pub(super) enum Change {
    /// Of their properties.
    Properties(Box<ProfilePatch>),
    /// Of their place on a list.
    List {
        /// The list.
        list: GroupId,
        /// Whether they join it.
        joins: bool,
    },
    /// Of whether mail to them is held back.
    Suppression {
        /// Whether it is.
        suppresses: bool,
    },
}

/// A webhook to be sent.
pub(super) struct Send {
    /// What makes its request.
    pub(super) template: Arc<RequestTemplate>,
    /// The names of the template, as JSON.
    pub(super) context: Vec<u8>,
    /// The request, or why there is none; `None` until it was rendered.
    pub(super) rendered: Option<Result<RenderedRequest, String>>,
}

/// Where a run stands after its plan.
pub(super) enum Then {
    /// The person does not enter.
    NotLetIn,
    /// It waits in this action until this moment.
    Waits(ActionId, Timestamp),
    /// It waits for the result of what was sent last, in this action, but not longer than this.
    Answers(ActionId, Timestamp),
    /// It goes on with this action at once.
    GoesOn(ActionId),
    /// It came to an end of the flow.
    Finishes,
    /// It ends, for this reason.
    Ends(String),
}

impl Plan {
    /// The webhooks to be sent.
    pub(super) fn sends(&mut self) -> impl Iterator<Item = &mut Send> {
        self.deeds.iter_mut().filter_map(|deed| match &mut deed.kind {
            DeedKind::Send(send) => Some(&mut **send),
            _ => None,
        })
    }
}

/// The webhook of an action, where it is one.
pub(super) fn webhook_of(flow: &Flow, action: ActionId) -> Option<&Arc<WebhookStep>> {
    match &flow.definition.action(action)?.step {
        Step::SendWebhook { webhook, .. } => Some(webhook),
        _ => None,
    }
}
