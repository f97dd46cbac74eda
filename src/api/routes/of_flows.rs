//! The calls about flows: the original's, and ours.

use hyper::Method;

use super::{FLOW_FIELDS, Route, TAG_FIELDS, route};
use crate::api::flows::{actions, messages, preview, resource, reviews, runs};
use crate::api::{lists, metrics, segments};

const MORE_OF_FLOW: &str = "additional-fields[flow]";
const ACTION_FIELDS: &str = "fields[flow-action]";
const MESSAGE_FIELDS: &str = "fields[flow-message]";
const TEMPLATE_FIELDS: &str = "fields[template]";

/// Every call about flows, in the order of the document.
pub(super) static ROUTES: &[Route] = &[
    route!(POST "/api/flows" "create_flow" "Define a flow, as a draft"
        scopes ["flows:write"]
        parameters [MORE_OF_FLOW, FLOW_FIELDS] body "FlowCreate"
        => 201 answer "FlowWithSecret" by resource::create),
    route!(GET "/api/flows" "get_flows" "The flows"
        scopes ["flows:read"]
        parameters [MORE_OF_FLOW, ACTION_FIELDS, FLOW_FIELDS, TAG_FIELDS, "filter", "include",
            "page[cursor]", "page[size]", "sort"]
        => 200 answer "FlowCollection" by resource::list),
    route!(GET "/api/flows/{id}" "get_flow" "One flow"
        scopes ["flows:read"]
        parameters [MORE_OF_FLOW, ACTION_FIELDS, FLOW_FIELDS, TAG_FIELDS, "include"]
        => 200 answer "Flow" by resource::get),
    route!(PATCH "/api/flows/{id}" "update_flow" "Change a flow; its status is that of all its actions"
        scopes ["flows:write"]
        parameters [MORE_OF_FLOW, FLOW_FIELDS] body "FlowUpdate"
        => 200 answer "Flow" by resource::update),
    route!(DELETE "/api/flows/{id}" "delete_flow" "Delete a flow; its runs end"
        scopes ["flows:write"]
        parameters []
        => 204 by resource::delete),
    route!(GET "/api/flows/{id}/flow-actions" "get_actions_for_flow" "The actions of a flow"
        scopes ["flows:read"]
        parameters [ACTION_FIELDS, "filter", "page[cursor]", "page[size]", "sort"]
        => 200 answer "FlowActionCollection" by actions::list),
    route!(GET "/api/flows/{id}/relationships/flow-actions" "get_action_ids_for_flow" "The ids of the actions of a flow"
        scopes ["flows:read"]
        parameters ["filter", "page[cursor]", "page[size]", "sort"]
        => 200 answer "Relationships" by actions::ids),
    route!(GET "/api/flows/{id}/tags" "get_tags_for_flow" "The tags of a flow, of which there are none"
        scopes ["flows:read"]
        parameters [TAG_FIELDS]
        => 200 answer "Relationships" by resource::tags),
    route!(GET "/api/flows/{id}/relationships/tags" "get_tag_ids_for_flow" "The ids of the tags of a flow, of which there are none"
        scopes ["flows:read"]
        parameters []
        => 200 answer "Relationships" by resource::tags),
    route!(GET "/api/flow-actions/{id}" "get_flow_action" "One action of a flow"
        scopes ["flows:read"]
        parameters [ACTION_FIELDS, MESSAGE_FIELDS, FLOW_FIELDS, "include"]
        => 200 answer "FlowAction" by actions::get),
    route!(PATCH "/api/flow-actions/{id}" "update_flow_action" "Change an action of a flow"
        scopes ["flows:write"]
        parameters [ACTION_FIELDS] body "FlowActionUpdate"
        => 200 answer "FlowAction" by actions::update),
    route!(DELETE "/api/flow-actions/{id}" "delete_flow_action" "Take an action out of its flow"
        scopes ["flows:write"]
        parameters []
        => 204 by actions::delete),
    route!(GET "/api/flow-actions/{id}/flow" "get_flow_for_flow_action" "The flow of an action"
        scopes ["flows:read"]
        parameters [FLOW_FIELDS]
        => 200 answer "Flow" by actions::flow),
    route!(GET "/api/flow-actions/{id}/relationships/flow" "get_flow_id_for_flow_action" "The id of the flow of an action"
        scopes ["flows:read"]
        parameters []
        => 200 answer "Relationship" by actions::flow_id),
    route!(GET "/api/flow-actions/{id}/flow-messages" "get_flow_action_messages" "The messages of an action"
        scopes ["flows:read"]
        parameters [MESSAGE_FIELDS, "filter", "page[cursor]", "page[size]", "sort"]
        => 200 answer "FlowMessageCollection" by messages::list),
    route!(GET "/api/flow-actions/{id}/relationships/flow-messages" "get_message_ids_for_flow_action" "The ids of the messages of an action"
        scopes ["flows:read"]
        parameters ["filter", "page[cursor]", "page[size]", "sort"]
        => 200 answer "Relationships" by messages::ids),
    route!(POST "/api/flow-actions/{id}/preview" "preview_flow_action" "What a webhook action would send; nothing is stored"
        scopes ["events:read", "flows:read", "profiles:read"]
        parameters [] maybe "FlowPreviewCreate"
        => 200 answer "FlowPreview" by preview::preview),
    route!(POST "/api/flow-actions/{id}/test" "test_flow_action" "Send what a webhook action would send, and see the answer; nothing is stored"
        scopes ["events:read", "flows:write", "profiles:read"]
        parameters [] maybe "FlowPreviewCreate"
        => 200 answer "FlowPreview" by preview::test),
    route!(GET "/api/flow-messages/{id}" "get_flow_message" "One message of a flow"
        scopes ["flows:read"]
        parameters [ACTION_FIELDS, MESSAGE_FIELDS, TEMPLATE_FIELDS, "include"]
        => 200 answer "FlowMessage" by messages::get),
    route!(GET "/api/flow-messages/{id}/flow-action" "get_action_for_flow_message" "The action of a message"
        scopes ["flows:read"]
        parameters [ACTION_FIELDS]
        => 200 answer "FlowAction" by messages::action),
    route!(GET "/api/flow-messages/{id}/relationships/flow-action" "get_action_id_for_flow_message" "The id of the action of a message"
        scopes ["flows:read"]
        parameters []
        => 200 answer "Relationship" by messages::action_id),
    route!(GET "/api/lists/{id}/flow-triggers" "get_flows_triggered_by_list" "The flows that a list starts"
        scopes ["flows:read", "lists:read"]
        parameters [FLOW_FIELDS]
        => 200 answer "FlowCollection" by lists::flow_triggers),
    route!(GET "/api/lists/{id}/relationships/flow-triggers" "get_ids_for_flows_triggered_by_list" "The ids of the flows that a list starts"
        scopes ["flows:read", "lists:read"]
        parameters []
        => 200 answer "Relationships" by lists::flow_trigger_ids),
    route!(GET "/api/metrics/{id}/flow-triggers" "get_flows_triggered_by_metric" "The flows that a metric starts"
        scopes ["flows:read", "metrics:read"]
        parameters [FLOW_FIELDS]
        => 200 answer "FlowCollection" by metrics::flow_triggers),
    route!(GET "/api/metrics/{id}/relationships/flow-triggers" "get_ids_for_flows_triggered_by_metric" "The ids of the flows that a metric starts"
        scopes ["flows:read", "metrics:read"]
        parameters []
        => 200 answer "Relationships" by metrics::flow_trigger_ids),
    route!(GET "/api/segments/{id}/flow-triggers" "get_flows_triggered_by_segment" "The flows that a segment starts"
        scopes ["flows:read", "segments:read"]
        parameters [FLOW_FIELDS]
        => 200 answer "FlowCollection" by segments::flow_triggers),
    route!(GET "/api/segments/{id}/relationships/flow-triggers" "get_ids_for_flows_triggered_by_segment" "The ids of the flows that a segment starts"
        scopes ["flows:read", "segments:read"]
        parameters []
        => 200 answer "Relationships" by segments::flow_trigger_ids),
    route!(GET "/api/flow-runs" "get_flow_runs" "People's ways through flows, newest first"
        scopes ["flows:read"]
        parameters ["filter", "page[cursor]", "page[size]"]
        => 200 answer "FlowRunCollection" by runs::list),
    route!(GET "/api/flow-runs/{id}" "get_flow_run" "One run with all that happened to it"
        scopes ["flows:read"]
        parameters []
        => 200 answer "FlowRun" by runs::get),
    route!(POST "/api/flow-runs/{id}/cancel" "cancel_flow_run" "End a run on its way"
        scopes ["flows:write"]
        parameters []
        => 200 answer "FlowRun" by runs::cancel),
    route!(GET "/api/flow-reviews" "get_flow_reviews" "What waits for approval"
        scopes ["flows:read"]
        parameters ["filter", "page[cursor]", "page[size]"]
        => 200 answer "FlowReviewCollection" by reviews::list),
    route!(POST "/api/flow-reviews/{id}/approve" "approve_flow_review" "Do what waited for approval"
        scopes ["flows:write"]
        parameters []
        => 200 answer "FlowRun" by reviews::approve),
    route!(POST "/api/flow-reviews/{id}/discard" "discard_flow_review" "Let be what waited for approval"
        scopes ["flows:write"]
        parameters []
        => 200 answer "FlowRun" by reviews::discard),
];
