//! The route table: every call with its path, scopes, parameters and handler.
//!
//! Routing, permission checks and the OpenAPI document are made from it. Paths are written as the
//! contract has them, without a slash at the end; one at the end of a request is ignored, never
//! redirected. `of_flows.rs` has the calls about flows.

mod of_flows;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use hyper::Method;

use super::error::Problem;
use super::gate::Wanted;
use super::{
    Answer, Call, accounts, client, deliveries, erasures, events, explanations, health, jobs, keys,
    lists, metric_aggregates, metric_properties, metrics, openapi, profiles, replays, segments,
    topics, trials, webhooks,
};

type Handling = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// One call of the API.
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    /// The contract's operation id, or our own in its manner.
    pub(super) operation: &'static str,
    pub(super) summary: &'static str,
    /// All of these are needed; none means that the call is open.
    pub(super) scopes: &'static [&'static str],
    pub(super) parameters: &'static [&'static str],
    /// The name of the body's schema, where the call takes a body.
    pub(super) body: Option<&'static str>,
    /// Whether the body may be left out.
    pub(super) body_is_optional: bool,
    /// The status of success, and the name of the answer's schema where it has a body.
    pub(super) success: (u16, Option<&'static str>),
    pub(super) handler: fn(Call) -> Handling,
}

const TAG_FIELDS: &str = "fields[tag]";
const ATTRIBUTION_FIELDS: &str = "fields[attribution]";
const FLOW_FIELDS: &str = "fields[flow]";
const PROPERTY_FIELDS: &str = "fields[metric-property]";
const MORE_OF_PROPERTY: &str = "additional-fields[metric-property]";
const EVENT_FIELDS: &str = "fields[event]";
const METRIC_FIELDS: &str = "fields[metric]";
const PROFILE_FIELDS: &str = "fields[profile]";
const MORE_OF_PROFILE: &str = "additional-fields[profile]";
const CONVERSATION_FIELDS: &str = "fields[conversation]";
const LIST_FIELDS: &str = "fields[list]";
const PUSH_TOKEN_FIELDS: &str = "fields[push-token]";
const SEGMENT_FIELDS: &str = "fields[segment]";
const WEBHOOK_FIELDS: &str = "fields[webhook]";
const TOPIC_FIELDS: &str = "fields[webhook-topic]";
const DELIVERY_FIELDS: &str = "fields[delivery]";
const ACCOUNT_FIELDS: &str = "fields[account]";

macro_rules! route {
    ($method:ident $path:literal $operation:literal $summary:literal
     scopes $scopes:tt parameters $parameters:tt $(body $body:literal)? $(maybe $maybe:literal)?
     => $status:literal $(answer $answer:literal)? by $handler:expr) => {
        Route {
            method: Method::$method,
            path: $path,
            operation: $operation,
            summary: $summary,
            scopes: &$scopes,
            parameters: &$parameters,
            body: route!(@optional $($body)? $($maybe)?),
            body_is_optional: route!(@is_there $($maybe)?),
            success: ($status, route!(@optional $($answer)?)),
            handler: |call| Box::pin($handler(call)),
        }
    };
    (@is_there) => { false };
    (@is_there $value:literal) => { true };
    (@optional) => { None };
    (@optional $value:literal) => { Some($value) };
}

use route;

impl Route {
    /// Whether a request has a body for this call.
    pub(super) const fn wants_body(&self) -> Wanted {
        match (self.body, self.body_is_optional) {
            (None, _) => Wanted::No,
            (Some(_), true) => Wanted::Maybe,
            (Some(_), false) => Wanted::Yes,
        }
    }
}

/// Every call.
pub(super) fn routes() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().chain(of_flows::ROUTES)
}

/// Every call but those about flows, in the order of the document.
static ROUTES: &[Route] = &[
    route!(POST "/api/events" "create_event" "Record one event"
        scopes ["events:write"] parameters [] body "EventCreate" => 202 by events::create),
    route!(POST "/api/event-bulk-create-jobs" "bulk_create_events" "Record up to 1,000 events, all or none"
        scopes ["events:write"] parameters [] body "EventBulkCreate" => 202 by events::create_bulk),
    route!(GET "/api/events" "get_events" "Events by time, the newest first"
        scopes ["events:read"]
        parameters [ATTRIBUTION_FIELDS, EVENT_FIELDS, METRIC_FIELDS, PROFILE_FIELDS,
            MORE_OF_PROFILE, "filter", "include", "page[cursor]", "page[size]", "sort"]
        => 200 answer "EventCollection" by events::list),
    route!(GET "/api/events/{id}" "get_event" "One event"
        scopes ["events:read"]
        parameters [ATTRIBUTION_FIELDS, EVENT_FIELDS, METRIC_FIELDS, PROFILE_FIELDS,
            MORE_OF_PROFILE, "include"]
        => 200 answer "Event" by events::get),
    route!(GET "/api/events/{id}/explanation" "explain_event" "Why each webhook did or did not react to an event"
        scopes ["events:read", "deliveries:read", "webhooks:read"] parameters ["filter"]
        => 200 answer "EventExplanation" by explanations::get),
    route!(GET "/api/events/{id}/metric" "get_metric_for_event" "The metric of an event"
        scopes ["events:read", "metrics:read"] parameters [METRIC_FIELDS]
        => 200 answer "Metric" by events::metric),
    route!(GET "/api/events/{id}/relationships/metric" "get_metric_id_for_event" "The metric's id of an event"
        scopes ["events:read", "metrics:read"] parameters []
        => 200 answer "Relationship" by events::metric_id),
    route!(GET "/api/events/{id}/profile" "get_profile_for_event" "The profile of an event"
        scopes ["events:read", "profiles:read"] parameters [PROFILE_FIELDS, MORE_OF_PROFILE]
        => 200 answer "Profile" by events::profile),
    route!(GET "/api/events/{id}/relationships/profile" "get_profile_id_for_event" "The profile's id of an event"
        scopes ["events:read", "profiles:read"] parameters []
        => 200 answer "Relationship" by events::profile_id),
    route!(GET "/api/metrics" "get_metrics" "The metrics, 200 a page"
        scopes ["metrics:read"]
        parameters [FLOW_FIELDS, METRIC_FIELDS, "filter", "include", "page[cursor]"]
        => 200 answer "MetricCollection" by metrics::list),
    route!(GET "/api/metrics/{id}" "get_metric" "One metric"
        scopes ["metrics:read"] parameters [FLOW_FIELDS, METRIC_FIELDS, "include"]
        => 200 answer "Metric" by metrics::get),
    route!(GET "/api/metrics/{id}/metric-properties" "get_properties_for_metric" "The properties that the newest events of a metric have"
        scopes ["metrics:read"] parameters [PROPERTY_FIELDS, MORE_OF_PROPERTY]
        => 200 answer "MetricPropertyCollection" by metric_properties::list),
    route!(GET "/api/metric-properties/{id}" "get_metric_property" "One property of a metric's events"
        scopes ["metrics:read"] parameters [PROPERTY_FIELDS, MORE_OF_PROPERTY, METRIC_FIELDS, "include"]
        => 200 answer "MetricProperty" by metric_properties::get),
    route!(POST "/api/metric-aggregates" "query_metric_aggregates" "Count and sum a metric's events by time and by their properties"
        scopes ["metrics:read"] parameters ["fields[metric-aggregate]", "page[cursor]"] body "MetricAggregateQuery"
        => 200 answer "MetricAggregate" by metric_aggregates::create),
    route!(GET "/api/profiles" "get_profiles" "The profiles, in several orders"
        scopes ["profiles:read"]
        parameters [MORE_OF_PROFILE, CONVERSATION_FIELDS, PROFILE_FIELDS, PUSH_TOKEN_FIELDS,
            "filter", "include", "page[cursor]", "page[size]", "sort"]
        => 200 answer "ProfileCollection" by profiles::list),
    route!(POST "/api/profiles" "create_profile" "Make a profile"
        scopes ["profiles:write"] parameters [MORE_OF_PROFILE, PROFILE_FIELDS] body "ProfileCreate"
        => 201 answer "Profile" by profiles::create),
    route!(GET "/api/profiles/{id}" "get_profile" "One profile"
        scopes ["profiles:read"]
        parameters [MORE_OF_PROFILE, CONVERSATION_FIELDS, LIST_FIELDS, PROFILE_FIELDS,
            PUSH_TOKEN_FIELDS, SEGMENT_FIELDS, "include"]
        => 200 answer "Profile" by profiles::get),
    route!(PATCH "/api/profiles/{id}" "update_profile" "Change a profile; null clears"
        scopes ["profiles:write"] parameters [MORE_OF_PROFILE, PROFILE_FIELDS] body "ProfileUpdate"
        => 200 answer "Profile" by profiles::update),
    route!(POST "/api/profile-import" "create_or_update_profile" "Make a profile (201), or bring one up to date (200)"
        scopes ["profiles:write"] parameters [MORE_OF_PROFILE, PROFILE_FIELDS] body "ProfileImport"
        => 200 answer "Profile" by profiles::import),
    route!(POST "/api/profile-merge" "merge_profiles" "Merge profiles into one, which stays"
        scopes ["profiles:write"] parameters [PROFILE_FIELDS] body "ProfileMerge"
        => 201 answer "ProfileMerged" by profiles::merge),
    route!(GET "/api/profiles/{id}/lists" "get_lists_for_profile" "The lists that a person is on"
        scopes ["lists:read", "profiles:read"] parameters [LIST_FIELDS]
        => 200 answer "ListCollection" by profiles::lists),
    route!(GET "/api/profiles/{id}/relationships/lists" "get_list_ids_for_profile" "The ids of the lists that a person is on"
        scopes ["lists:read", "profiles:read"] parameters []
        => 200 answer "Relationships" by profiles::list_ids),
    route!(POST "/api/lists" "create_list" "Make a list"
        scopes ["lists:write"] parameters [LIST_FIELDS] body "ListCreate"
        => 201 answer "List" by lists::create),
    route!(GET "/api/lists" "get_lists" "The lists"
        scopes ["lists:read"]
        parameters [LIST_FIELDS, FLOW_FIELDS, TAG_FIELDS, "filter", "include", "page[cursor]",
            "page[size]", "sort"]
        => 200 answer "ListCollection" by lists::list),
    route!(GET "/api/lists/{id}" "get_list" "One list"
        scopes ["lists:read"]
        parameters [LIST_FIELDS, "additional-fields[list]", FLOW_FIELDS, TAG_FIELDS, "include"]
        => 200 answer "List" by lists::get),
    route!(PATCH "/api/lists/{id}" "update_list" "Change a list"
        scopes ["lists:write"] parameters [LIST_FIELDS] body "ListUpdate"
        => 200 answer "List" by lists::update),
    route!(DELETE "/api/lists/{id}" "delete_list" "Delete a list; its members leave it"
        scopes ["lists:write"] parameters [] => 204 by lists::delete),
    route!(GET "/api/lists/{id}/profiles" "get_profiles_for_list" "The members of a list"
        scopes ["lists:read", "profiles:read"]
        parameters [PROFILE_FIELDS, "additional-fields[profile]", "filter", "page[cursor]",
            "page[size]", "sort"]
        => 200 answer "MemberCollection" by lists::profiles),
    route!(GET "/api/lists/{id}/relationships/profiles" "get_profile_ids_for_list" "The ids of the members of a list"
        scopes ["lists:read", "profiles:read"]
        parameters ["filter", "page[cursor]", "page[size]", "sort"]
        => 200 answer "Relationships" by lists::profile_ids),
    route!(POST "/api/lists/{id}/relationships/profiles" "add_profiles_to_list" "Put up to 1,000 people on a list, all or none"
        scopes ["lists:write", "profiles:write"] parameters [] body "ListMembers"
        => 204 by lists::add_profiles),
    route!(DELETE "/api/lists/{id}/relationships/profiles" "remove_profiles_from_list" "Take up to 1,000 people off a list, all or none"
        scopes ["lists:write", "profiles:write"] parameters [] body "ListMembers"
        => 204 by lists::remove_profiles),
    route!(POST "/api/profile-bulk-import-jobs" "bulk_import_profiles" "Make or update up to 10,000 people in the background"
        scopes ["lists:write", "profiles:write"] parameters ["fields[profile-bulk-import-job]"]
        body "ProfileImportJobCreate" => 202 answer "ProfileImportJob" by jobs::create),
    route!(GET "/api/profile-bulk-import-jobs" "get_bulk_import_profiles_jobs" "The import jobs, newest first"
        scopes ["lists:read", "profiles:read"]
        parameters ["fields[profile-bulk-import-job]", "page[cursor]", "page[size]"]
        => 200 answer "ProfileImportJobCollection" by jobs::list),
    route!(GET "/api/profile-bulk-import-jobs/{id}" "get_bulk_import_profiles_job" "One import job"
        scopes ["lists:read", "profiles:read"] parameters ["fields[profile-bulk-import-job]"]
        => 200 answer "ProfileImportJob" by jobs::get),
    route!(GET "/api/profile-bulk-import-jobs/{id}/import-errors" "get_errors_for_bulk_import_profiles_job" "What was wrong with people of an import job"
        scopes ["lists:read", "profiles:read"] parameters ["page[cursor]", "page[size]"]
        => 200 answer "ImportErrorCollection" by jobs::errors),
    route!(POST "/api/profile-suppression-bulk-create-jobs" "bulk_suppress_profiles" "Hold back mail to up to 100 addresses, a list or a segment"
        scopes ["profiles:write", "subscriptions:write"]
        parameters ["fields[profile-suppression-bulk-create-job]"] body "SuppressionJobCreate"
        => 202 answer "SuppressionJob" by jobs::create),
    route!(GET "/api/profile-suppression-bulk-create-jobs" "get_bulk_suppress_profiles_jobs" "The jobs that hold back mail, newest first"
        scopes ["profiles:read"]
        parameters ["fields[profile-suppression-bulk-create-job]", "page[cursor]", "page[size]"]
        => 200 answer "SuppressionJobCollection" by jobs::list),
    route!(GET "/api/profile-suppression-bulk-create-jobs/{id}" "get_bulk_suppress_profiles_job" "One job that holds back mail"
        scopes ["profiles:read"] parameters ["fields[profile-suppression-bulk-create-job]"]
        => 200 answer "SuppressionJob" by jobs::get),
    route!(POST "/api/profile-suppression-bulk-delete-jobs" "bulk_unsuppress_profiles" "Lift what a suppression by hand holds back"
        scopes ["subscriptions:write"]
        parameters ["fields[profile-suppression-bulk-delete-job]"] body "UnsuppressionJobCreate"
        => 202 answer "UnsuppressionJob" by jobs::create),
    route!(GET "/api/profile-suppression-bulk-delete-jobs" "get_bulk_unsuppress_profiles_jobs" "The jobs that lift suppressions, newest first"
        scopes ["profiles:read"]
        parameters ["fields[profile-suppression-bulk-delete-job]", "page[cursor]", "page[size]"]
        => 200 answer "UnsuppressionJobCollection" by jobs::list),
    route!(GET "/api/profile-suppression-bulk-delete-jobs/{id}" "get_bulk_unsuppress_profiles_job" "One job that lifts suppressions"
        scopes ["profiles:read"] parameters ["fields[profile-suppression-bulk-delete-job]"]
        => 200 answer "UnsuppressionJob" by jobs::get),
    route!(POST "/api/profile-subscription-bulk-create-jobs" "bulk_subscribe_profiles" "Subscribe up to 1,000 people"
        scopes ["lists:write", "profiles:write", "subscriptions:write"] parameters []
        body "SubscriptionJobCreate" => 202 by jobs::create),
    route!(GET "/api/profile-subscription-bulk-create-jobs" "get_bulk_subscribe_profiles_jobs" "The jobs that subscribe people, newest first"
        scopes ["profiles:read"]
        parameters ["fields[profile-subscription-bulk-create-job]", "page[cursor]", "page[size]"]
        => 200 answer "SubscriptionJobCollection" by jobs::list),
    route!(GET "/api/profile-subscription-bulk-create-jobs/{id}" "get_bulk_subscribe_profiles_job" "One job that subscribes people"
        scopes ["profiles:read"] parameters ["fields[profile-subscription-bulk-create-job]"]
        => 200 answer "SubscriptionJob" by jobs::get),
    route!(GET "/api/profile-subscription-bulk-create-jobs/{id}/errors" "get_errors_for_bulk_subscribe_profiles_job" "What was wrong with people of a job that subscribes"
        scopes ["profiles:read"] parameters ["page[cursor]", "page[size]"]
        => 200 answer "ImportErrorCollection" by jobs::errors),
    route!(POST "/api/profile-subscription-bulk-delete-jobs" "bulk_unsubscribe_profiles" "Unsubscribe up to 100 people"
        scopes ["lists:write", "profiles:write", "subscriptions:write"] parameters []
        body "UnsubscriptionJobCreate" => 202 by jobs::create),
    route!(GET "/api/profile-subscription-bulk-delete-jobs" "get_bulk_unsubscribe_profiles_jobs" "The jobs that unsubscribe people, newest first"
        scopes ["profiles:read"]
        parameters ["fields[profile-subscription-bulk-delete-job]", "page[cursor]", "page[size]"]
        => 200 answer "UnsubscriptionJobCollection" by jobs::list),
    route!(GET "/api/profile-subscription-bulk-delete-jobs/{id}" "get_bulk_unsubscribe_profiles_job" "One job that unsubscribes people"
        scopes ["profiles:read"] parameters ["fields[profile-subscription-bulk-delete-job]"]
        => 200 answer "UnsubscriptionJob" by jobs::get),
    route!(GET "/api/profile-subscription-bulk-delete-jobs/{id}/errors" "get_errors_for_bulk_unsubscribe_profiles_job" "What was wrong with people of a job that unsubscribes"
        scopes ["profiles:read"] parameters ["page[cursor]", "page[size]"]
        => 200 answer "ImportErrorCollection" by jobs::errors),
    route!(GET "/api/profiles/{id}/segments" "get_segments_for_profile" "The segments that a person belongs to"
        scopes ["profiles:read", "segments:read"] parameters [SEGMENT_FIELDS]
        => 200 answer "SegmentCollection" by profiles::segments),
    route!(GET "/api/profiles/{id}/relationships/segments" "get_segment_ids_for_profile" "The ids of the segments that a person belongs to"
        scopes ["profiles:read", "segments:read"] parameters []
        => 200 answer "Relationships" by profiles::segment_ids),
    route!(POST "/api/segments" "create_segment" "Define a segment; its members are found in the background"
        scopes ["segments:write"] parameters [SEGMENT_FIELDS] body "SegmentCreate"
        => 201 answer "Segment" by segments::create),
    route!(GET "/api/segments" "get_segments" "The segments"
        scopes ["segments:read"]
        parameters [SEGMENT_FIELDS, FLOW_FIELDS, TAG_FIELDS, "filter", "include",
            "page[cursor]", "page[size]", "sort"]
        => 200 answer "SegmentCollection" by segments::list),
    route!(GET "/api/segments/{id}" "get_segment" "One segment"
        scopes ["segments:read"]
        parameters [SEGMENT_FIELDS, "additional-fields[segment]", FLOW_FIELDS, TAG_FIELDS,
            "include"]
        => 200 answer "Segment" by segments::get),
    route!(PATCH "/api/segments/{id}" "update_segment" "Change a segment; a new definition is computed in the background"
        scopes ["segments:write"] parameters [SEGMENT_FIELDS] body "SegmentUpdate"
        => 200 answer "Segment" by segments::update),
    route!(DELETE "/api/segments/{id}" "delete_segment" "Delete a segment"
        scopes ["segments:write"] parameters [] => 204 by segments::delete),
    route!(GET "/api/segments/{id}/profiles" "get_profiles_for_segment" "The members of a segment"
        scopes ["profiles:read", "segments:read"]
        parameters [PROFILE_FIELDS, MORE_OF_PROFILE, "filter", "page[cursor]", "page[size]", "sort"]
        => 200 answer "MemberCollection" by segments::profiles),
    route!(GET "/api/segments/{id}/relationships/profiles" "get_profile_ids_for_segment" "The ids of the members of a segment"
        scopes ["profiles:read", "segments:read"]
        parameters ["filter", "page[cursor]", "page[size]", "sort"]
        => 200 answer "Relationships" by segments::profile_ids),
    route!(GET "/api/segments/{id}/explanation" "explain_segment" "Why a person belongs to a segment or does not"
        scopes ["events:read", "lists:read", "profiles:read", "segments:read"]
        parameters ["filter"]
        => 200 answer "SegmentExplanation" by segments::explain),
    route!(POST "/api/data-privacy-deletion-jobs" "request_profile_deletion" "Erase a person from everything"
        scopes ["data-privacy:write"] parameters [] body "DeletionJobCreate" => 202 by erasures::create),
    route!(GET "/api/data-privacy-deletion-jobs" "get_profile_deletions" "The receipts of erased people, newest first"
        scopes ["data-privacy:read"] parameters ["page[cursor]", "page[size]"]
        => 200 answer "DeletionJobCollection" by erasures::list),
    route!(GET "/api/data-privacy-deletion-jobs/{id}" "get_profile_deletion" "The receipt of an erased person, with a look for what is left"
        scopes ["data-privacy:read"] parameters [] => 200 answer "DeletionJob" by erasures::get),
    route!(GET "/api/accounts" "get_accounts" "The account, as a list of one"
        scopes ["accounts:read"] parameters [ACCOUNT_FIELDS]
        => 200 answer "AccountCollection" by accounts::list),
    route!(GET "/api/accounts/{id}" "get_account" "The account"
        scopes ["accounts:read"] parameters [ACCOUNT_FIELDS]
        => 200 answer "Account" by accounts::get),
    route!(GET "/api/webhook-topics" "get_webhook_topics" "The topics, sorted by id"
        scopes ["webhooks:read"] parameters [TOPIC_FIELDS]
        => 200 answer "WebhookTopicCollection" by topics::list),
    route!(GET "/api/webhook-topics/{id}" "get_webhook_topic" "One topic"
        scopes ["webhooks:read"] parameters [TOPIC_FIELDS]
        => 200 answer "WebhookTopic" by topics::get),
    route!(POST "/api/webhooks" "create_webhook" "Subscribe an endpoint to topics"
        scopes ["webhooks:write"] parameters [WEBHOOK_FIELDS] body "WebhookCreate"
        => 201 answer "WebhookWithSecret" by webhooks::create),
    route!(GET "/api/webhooks" "get_webhooks" "The webhooks, oldest first"
        scopes ["webhooks:read"] parameters [WEBHOOK_FIELDS, TOPIC_FIELDS, "include"]
        => 200 answer "WebhookCollection" by webhooks::list),
    route!(GET "/api/webhooks/{id}" "get_webhook" "One webhook"
        scopes ["webhooks:read"] parameters [WEBHOOK_FIELDS, TOPIC_FIELDS, "include"]
        => 200 answer "Webhook" by webhooks::get),
    route!(PATCH "/api/webhooks/{id}" "update_webhook" "Change a webhook"
        scopes ["webhooks:write"] parameters [WEBHOOK_FIELDS] body "WebhookUpdate"
        => 200 answer "Webhook" by webhooks::update),
    route!(DELETE "/api/webhooks/{id}" "delete_webhook" "Remove a webhook; what is scheduled for it is cancelled"
        scopes ["webhooks:write"] parameters [] => 204 by webhooks::delete),
    route!(POST "/api/webhooks/{id}/rotate-secret" "rotate_webhook_secret" "Replace a webhook's secret; the old one stays good for a while"
        scopes ["webhooks:write"] parameters [WEBHOOK_FIELDS] maybe "SecretRotation"
        => 200 answer "WebhookWithSecret" by webhooks::rotate_secret),
    route!(DELETE "/api/webhooks/{id}/previous-secret" "end_webhook_secret_rotation" "End the overlap of a rotation now"
        scopes ["webhooks:write"] parameters [] => 204 by webhooks::end_rotation),
    route!(POST "/api/webhooks/{id}/test" "test_webhook" "Send one event to a webhook and see the answer; nothing is stored"
        scopes ["webhooks:write"] parameters [] maybe "WebhookTestCreate"
        => 200 answer "WebhookTest" by trials::create),
    route!(GET "/api/deliveries" "get_deliveries" "Deliveries, newest first"
        scopes ["deliveries:read"]
        parameters [DELIVERY_FIELDS, "filter", "page[size]", "page[cursor]"]
        => 200 answer "DeliveryCollection" by deliveries::list),
    route!(GET "/api/deliveries/{id}" "get_delivery" "One delivery with its attempts"
        scopes ["deliveries:read"] parameters [DELIVERY_FIELDS, "additional-fields[delivery]"]
        => 200 answer "Delivery" by deliveries::get),
    route!(POST "/api/deliveries/{id}/resend" "resend_delivery" "Send a delivery now, also one that is finished"
        scopes ["deliveries:write"] parameters [DELIVERY_FIELDS]
        => 202 answer "Delivery" by deliveries::resend),
    route!(POST "/api/deliveries/{id}/cancel" "cancel_delivery" "Cancel a delivery that is scheduled"
        scopes ["deliveries:write"] parameters [DELIVERY_FIELDS]
        => 200 answer "Delivery" by deliveries::cancel),
    route!(GET "/api/delivery-attempts" "get_delivery_attempts" "The last attempts, oldest first, for those who watch"
        scopes ["deliveries:read"] parameters ["filter", "page[cursor]"]
        => 200 answer "DeliveryAttemptCollection" by deliveries::list_attempts),
    route!(POST "/api/replays" "create_replay" "Send events of the past to a webhook"
        scopes ["deliveries:write", "events:read"] parameters [] body "ReplayCreate"
        => 202 answer "Replay" by replays::create),
    route!(POST "/api/replay-previews" "preview_replay" "What a replay would send now"
        scopes ["deliveries:read", "events:read"] parameters [] body "ReplayCreate"
        => 200 answer "ReplayPreview" by replays::preview),
    route!(GET "/api/replays" "get_replays" "Replays, newest first"
        scopes ["deliveries:read"] parameters ["page[size]", "page[cursor]"]
        => 200 answer "ReplayCollection" by replays::list),
    route!(GET "/api/replays/{id}" "get_replay" "One replay and how far it is"
        scopes ["deliveries:read"] parameters [] => 200 answer "Replay" by replays::get),
    route!(PATCH "/api/replays/{id}" "update_replay" "Pause a replay, or let it go on"
        scopes ["deliveries:write"] parameters [] body "ReplayUpdate"
        => 200 answer "Replay" by replays::update),
    route!(POST "/api/replays/{id}/cancel" "cancel_replay" "End a replay; what it scheduled stays"
        scopes ["deliveries:write"] parameters [] => 200 answer "Replay" by replays::cancel),
    route!(POST "/api/keys" "create_key" "Make an API key; it is shown this once"
        scopes ["keys:write"] parameters [] body "KeyCreate" => 201 answer "Key" by keys::create),
    route!(GET "/api/keys" "get_keys" "The API keys, oldest first, without themselves"
        scopes ["keys:read"] parameters [] => 200 answer "KeyCollection" by keys::list),
    route!(DELETE "/api/keys/{id}" "revoke_key" "Revoke an API key, at once and for good"
        scopes ["keys:write"] parameters [] => 204 by keys::revoke),
    route!(POST "/client/events" "create_client_event" "Record one event from a page, without a key"
        scopes [] parameters ["company_id"] body "EventCreate" => 202 by client::create_event),
    route!(POST "/client/event-bulk-create" "bulk_create_client_events" "Record up to 1,000 events of one person from a page, without a key"
        scopes [] parameters ["company_id"] body "ClientEventBulkCreate"
        => 202 by client::create_events),
    route!(POST "/client/profiles" "create_client_profile" "Make or update a person from a page, without a key"
        scopes [] parameters ["company_id"] body "ClientProfile" => 202 by client::create_profile),
    route!(POST "/client/subscriptions" "create_client_subscription" "Subscribe a person from a page, without a key"
        scopes [] parameters ["company_id"] body "ClientSubscription"
        => 202 by client::create_subscription),
    route!(GET "/healthz" "healthz" "Whether the process answers"
        scopes [] parameters [] => 200 answer "Health" by health::alive),
    route!(GET "/readyz" "readyz" "Whether events are accepted"
        scopes [] parameters [] => 200 answer "Health" by health::ready),
    route!(GET "/openapi.json" "openapi" "This document"
        scopes [] parameters [] => 200 answer "OpenApi" by openapi::document),
];

/// Finds routes by method and path.
pub(super) struct Router {
    paths: matchit::Router<BTreeMap<&'static str, &'static Route>>,
}

impl Router {
    /// The router of the table.
    pub(super) fn new() -> Self {
        let mut by_path: BTreeMap<&str, BTreeMap<&str, &Route>> = BTreeMap::new();
        for route in routes() {
            by_path.entry(route.path).or_default().insert(method_name(route), route);
        }
        let mut paths = matchit::Router::new();
        for (path, methods) in by_path {
            paths.insert(path, methods).expect("the table's paths do not collide (tested)");
        }
        Self { paths }
    }

    /// The route of a request and the id in its path. `HEAD` is answered as `GET`.
    ///
    /// # Errors
    /// 404 or 405.
    pub(super) fn find<'p>(
        &self,
        method: &Method,
        path: &'p str,
    ) -> Result<(&'static Route, &'p str), Problem> {
        let Ok(found) = self.paths.at(path) else {
            return Err(Problem::not_found(format!("There is nothing at {path}.")));
        };
        let wanted = if method == Method::HEAD { "GET" } else { method.as_str() };
        let Some(route) = found.value.get(wanted) else {
            let allow = found.value.keys().copied().collect::<Vec<_>>().join(", ");
            return Err(Problem::method_not_allowed(method.as_str(), &allow));
        };
        Ok((route, found.params.get("id").unwrap_or_default()))
    }
}

fn method_name(route: &'static Route) -> &'static str {
    route.method.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SCOPES;

    #[test]
    fn the_table_is_sound() {
        let router = Router::new();
        let mut operations: Vec<_> = routes().map(|route| route.operation).collect();
        operations.sort_unstable();
        operations.dedup();
        assert_eq!(operations.len(), routes().count(), "operation ids are unique");
        for route in routes() {
            assert!(route.scopes.iter().all(|scope| SCOPES.contains(scope)), "{}", route.path);
            let path = route.path.replace("{id}", "x");
            let (found, id) = router.find(&route.method, &path).unwrap();
            assert_eq!(found.operation, route.operation);
            assert_eq!(id, if route.path.contains("{id}") { "x" } else { "" });
        }
    }

    #[test]
    fn wrong_paths_and_methods_are_told_apart() {
        let router = Router::new();
        let problem = |method, path| router.find(&method, path).err().unwrap().status.as_u16();
        assert_eq!(problem(Method::GET, "/api/nothing"), 404);
        assert_eq!(problem(Method::PUT, "/api/events"), 405);
    }
}
