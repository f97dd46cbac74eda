//! The first-party metrics: the kinds of events whose topics exist before any event does.
//!
//! Their topics are those seen live and listed by the contract (topics.txt); a producer posts to
//! one by naming it with the service `klaviyo`.

/// The names whose slugs are the first-party topics, in the order of the topics.
pub(super) const FIRST_PARTY: &[&str] = &[
    "Bounced Email",
    "Bounced Push",
    "Clicked Email",
    "Clicked Email to Unsubscribe",
    "Clicked SMS",
    "Clicked Text Message",
    "Dropped Email",
    "Failed to Deliver Automated Response SMS",
    "Failed to Deliver Automated Response Text Message",
    "Failed to Deliver SMS",
    "Failed to Deliver Text Message",
    "Manually Suppressed from Email Marketing",
    "Manually Unsuppressed from Email Marketing",
    "Marked Email as Spam",
    "Merged Profile",
    "Opened Email",
    "Opened Push",
    "Opened Text",
    "Ready to Review",
    "Received Automated Response SMS",
    "Received Automated Response Text Message",
    "Received Email",
    "Received Push",
    "Received SMS",
    "Received Text Message",
    "Relayed Text Message",
    "Sent SMS",
    "Sent Text Message",
    "Skipped Send",
    "Social Comment",
    "Social DM",
    "Social UGC",
    "Submitted Rating",
    "Submitted Review",
    "Subscribed to Back in Stock",
    "Subscribed to Email Marketing",
    "Subscribed to List",
    "Subscribed to SMS Marketing",
    "Subscribed to Text Messaging Marketing",
    "Unsubscribed from Email Marketing",
    "Unsubscribed from List",
    "Unsubscribed from SMS Marketing",
    "Unsubscribed from Text Messaging Marketing",
    "Unsubscribed from Text Messaging Transactional",
    "Updated Email Preferences",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::slug;

    #[test]
    fn each_name_gives_its_own_topic() {
        let mut slugs: Vec<String> = FIRST_PARTY.iter().map(|name| slug(name)).collect();
        assert!(slugs.is_sorted());
        slugs.dedup();
        assert_eq!(slugs.len(), 45);
    }
}
