//! Why something was not done to a flow, as the API says it.

use crate::api::error::Problem;
use crate::automation::{AgainError, PreviewError, ReviewError, SaveError};
use crate::delivery::ResendError;
use crate::flow::FlowError;
use crate::id::ActionId;
use crate::json::Fault;
use crate::limits;

const DEFINITION_AT: &str = "/data/attributes/definition";
const MESSAGE_AT: &str = "/data/attributes/message";

/// What can be tried again: the workers that look at templates do not start.
fn unavailable(why: &str) -> Problem {
    let seconds = limits::WORKERS_RETRY_AFTER_SECONDS;
    let detail = format!("{why}; try again in {seconds} seconds.");
    Problem::unavailable(detail, seconds)
}

impl From<FlowError> for Problem {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Unknown(id) => Self::not_found(format!("No flow {id}.")),
            FlowError::UnknownAction(id) => Self::not_found(format!("No flow action {id}.")),
            FlowError::TooMany => Self::invalid(Fault::new(
                "/data",
                format!("there are {} flows already", limits::FLOWS_MAX),
            )),
            FlowError::CanNotAct(fault) => fault.into(),
            FlowError::Changed(id) => Self::conflict(format!(
                "The flow {id} was changed meanwhile: read it and try again."
            )),
            FlowError::Store(error) => error.into(),
        }
    }
}

impl From<SaveError> for Problem {
    fn from(error: SaveError) -> Self {
        match error {
            SaveError::Template(fault) => fault.under(DEFINITION_AT).into(),
            SaveError::Unavailable(why) => unavailable(&why),
            SaveError::Flow(error) => error.into(),
        }
    }
}

impl From<AgainError> for Problem {
    fn from(error: AgainError) -> Self {
        match error {
            AgainError::Gone(why) => Self::conflict(format!("It can not be sent any more: {why}.")),
            AgainError::Template(why) => Self::conflict(format!(
                "Its template still fails: {why}. Correct the template, then resend."
            )),
            AgainError::Unavailable(why) => unavailable(&why),
            AgainError::Resend(ResendError::Store(error)) | AgainError::Store(error) => {
                error.into()
            }
            AgainError::Resend(_) => Self::conflict("Its request is fixed."),
        }
    }
}

impl From<ReviewError> for Problem {
    fn from(error: ReviewError) -> Self {
        match error {
            ReviewError::Unknown => Self::not_found("Nothing waits for approval there."),
            ReviewError::Gone(why) => Self::conflict(format!("It can only be discarded: {why}.")),
            ReviewError::Store(error) => error.into(),
        }
    }
}

/// Why a definition with one action changed was not saved; `place` is where the action stands in
/// the definition, of which the request has the action alone.
pub(super) fn of_changed_action(error: SaveError, place: usize) -> Problem {
    let fault = match error {
        SaveError::Template(fault) => fault,
        SaveError::Flow(FlowError::CanNotAct(fault)) => Fault::new("", fault.detail),
        other => return other.into(),
    };
    let within = fault.pointer.strip_prefix(&format!("/actions/{place}/"));
    let pointer = within.map(|rest| format!("/{rest}")).unwrap_or_default();
    Fault::new(pointer, fault.detail).under(DEFINITION_AT).into()
}

/// Why an action was not taken out.
pub(super) fn of_removed_action(error: FlowError, id: ActionId) -> Problem {
    match error {
        FlowError::CanNotAct(fault) => {
            Problem::conflict(format!("The flow action {id} can not be deleted: {}.", fault.detail))
        }
        other => other.into(),
    }
}

/// Why there is no preview; whether the message was given decides where a fault points.
pub(super) fn of_preview(error: PreviewError, is_given: bool) -> Problem {
    match error {
        PreviewError::NoWebhook(id) => Problem::bad_request(format!(
            "The flow action {id} sends nothing: only a `send-webhook` has a request."
        )),
        PreviewError::Fault(fault) => fault.into(),
        PreviewError::Template(fault) => {
            let field = fault.field.trim_start_matches('/');
            let at = if is_given { MESSAGE_AT } else { "" };
            Fault::new(format!("{at}/{field}"), format!("{fault}\n{}", fault.excerpt)).into()
        }
        PreviewError::Unavailable(why) => unavailable(&why),
        PreviewError::Store(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;
    use crate::template::TemplateFault;

    fn told(problem: impl Into<Problem>) -> (u16, String) {
        let problem = problem.into();
        (problem.status.as_u16(), format!("{problem:?}"))
    }

    fn pointing(told: &(u16, String), pointer: &str) -> bool {
        told.0 == 400 && told.1.contains(&format!("(\"pointer\", \"{pointer}\")"))
    }

    fn in_body() -> SaveError {
        SaveError::Template(Fault::new("/actions/2/data/message/body", "line 3"))
    }

    #[test]
    fn a_template_at_fault_is_pointed_at_where_the_request_has_it() {
        let of_flow = told(in_body());
        assert!(pointing(&of_flow, "/data/attributes/definition/actions/2/data/message/body"));
        let of_action = told(of_changed_action(in_body(), 2));
        assert!(pointing(&of_action, "/data/attributes/definition/data/message/body"));
        let of_other = told(of_changed_action(in_body(), 20));
        assert!(pointing(&of_other, "/data/attributes/definition"), "{of_other:?}");
        let fault = || TemplateFault {
            field: "/body".to_owned(),
            line: 3,
            column: 5,
            excerpt: "{{ a | shout }}".to_owned(),
            message: "no filter `shout`".to_owned(),
        };
        let of_saved = told(of_preview(PreviewError::Template(fault()), false));
        assert!(pointing(&of_saved, "/body"), "{of_saved:?}");
        assert!(of_saved.1.contains("line 3, column 5") && of_saved.1.contains("{{ a | shout }}"));
        let of_given = told(of_preview(PreviewError::Template(fault()), true));
        assert!(pointing(&of_given, "/data/attributes/message/body"), "{of_given:?}");
    }

    #[test]
    fn each_error_has_its_status() {
        let (flow, action) = ("T23ivh".parse().unwrap(), ActionId::from_u64(7));
        let fault = || Fault::new("/data/attributes/status", "why");
        for (told, status) in [
            (told(FlowError::Unknown(flow)), 404),
            (told(FlowError::UnknownAction(action)), 404),
            (told(FlowError::TooMany), 400),
            (told(FlowError::CanNotAct(fault())), 400),
            (told(FlowError::Changed(flow)), 409),
            (told(FlowError::Store(StoreError::Full)), 507),
            (told(SaveError::Unavailable("no worker".to_owned())), 503),
            (told(SaveError::Flow(FlowError::Changed(flow))), 409),
            (told(of_changed_action(SaveError::Flow(FlowError::CanNotAct(fault())), 0)), 400),
            (told(of_removed_action(FlowError::CanNotAct(fault()), action)), 409),
            (told(of_removed_action(FlowError::Unknown(flow), action)), 404),
            (told(ReviewError::Unknown), 404),
            (told(ReviewError::Gone("the flow was deleted")), 409),
            (told(ReviewError::Store(StoreError::Stopped)), 503),
            (told(of_preview(PreviewError::NoWebhook(action), false)), 400),
            (told(of_preview(PreviewError::Fault(fault()), false)), 400),
            (told(of_preview(PreviewError::Unavailable(String::new()), false)), 503),
            (told(of_preview(PreviewError::Store(StoreError::Full), false)), 507),
        ] {
            assert_eq!(told.0, status, "{told:?}");
            assert_eq!(told.1.contains("retry_after_seconds: Some"), status >= 500, "{told:?}");
        }
    }
}
