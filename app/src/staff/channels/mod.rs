//! `/staff/channels`: agents' channels, let in by two people and stopped by one; what they may say; what people tell of them.

mod actions;
mod content_actions;
mod contents;
mod form;
mod list;
mod one;
mod reports;
mod words;

pub use list::ChannelsPage;
pub use one::ChannelPage;
pub(super) use words::action_name;

use charging::staff::{Member, Permission};

/// Whoever may stop something at once.
fn may_steer(member: &Member) -> bool {
    member.may(Permission::DraftTariffs) || member.may(Permission::ApproveTariffs)
}
