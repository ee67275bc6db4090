//! 谁办的 Who took a step, and by which channel.

use std::fmt;
use std::str::FromStr;

use crate::channel::{ChannelId, WAY};

/// Who took a step of an order, a question, or a choice of cap.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// 您本人: the owner of the number.
    Subscriber,
    /// 工作人员: somebody of the operator, by the login.
    Staff(String),
    /// 网络渠道: an agent's channel, by its number. It has subscribers asked, and does nothing else.
    Channel(ChannelId),
    /// What comes about by itself: a question that nobody answered, the cap that holds until one is chosen.
    System,
    /// What was so in the system that the subscriber came from.
    Import,
}

/// The text names nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not subscriber, system, import, staff: with a login or channel: with a number")]
pub struct InvalidActor(String);

const STAFF: &str = "staff:";
const CHANNEL: &str = "channel:";

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subscriber => f.write_str("subscriber"),
            Self::Staff(login) => write!(f, "{STAFF}{login}"),
            Self::Channel(channel_id) => write!(f, "{CHANNEL}{channel_id}"),
            Self::System => f.write_str("system"),
            Self::Import => f.write_str("import"),
        }
    }
}

impl FromStr for Actor {
    type Err = InvalidActor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "subscriber" => Ok(Self::Subscriber),
            "system" => Ok(Self::System),
            "import" => Ok(Self::Import),
            _ => {
                let login = text.strip_prefix(STAFF).filter(|login| !login.is_empty());
                let channel = || text.strip_prefix(CHANNEL)?.parse().ok().map(Self::Channel);
                let named = login.map(|login| Self::Staff(login.to_owned())).or_else(channel);
                named.ok_or_else(|| InvalidActor(text.chars().take(60).collect()))
            }
        }
    }
}

/// Who, and by which channel (a key of the table `channel`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    pub actor: Actor,
    pub channel_id: String,
}

impl By {
    /// The owner of the number, who proved to be that to whoever says so.
    pub fn subscriber(channel_id: &str) -> Self {
        Self { actor: Actor::Subscriber, channel_id: channel_id.to_owned() }
    }

    /// Somebody of the operator, by the login.
    pub fn staff(login: &str, channel_id: &str) -> Self {
        Self { actor: Actor::Staff(login.to_owned()), channel_id: channel_id.to_owned() }
    }

    /// An agent's channel, which has a subscriber asked.
    pub fn channel(channel_id: &ChannelId) -> Self {
        Self { actor: Actor::Channel(channel_id.clone()), channel_id: WAY.to_owned() }
    }

    /// Moved in from another system.
    pub fn import() -> Self {
        Self { actor: Actor::Import, channel_id: "import".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        let channel = Actor::Channel("QD000001".parse().unwrap());
        for actor in [Actor::Subscriber, Actor::System, Actor::Import, Actor::Staff("wang.li".to_owned()), channel] {
            assert_eq!(actor.to_string().parse(), Ok(actor));
        }
        for nobody in ["staff:", "nobody", "channel:", "channel:web"] {
            assert!(nobody.parse::<Actor>().is_err(), "{nobody}");
        }
    }
}
