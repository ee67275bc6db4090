//! The family bill: `JT` answers an invitation, `QXJT` leaves.

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sqlx::PgConnection;

use super::{Handled, IncomingError, Reply};
use crate::consent::request::{Answer, OpenRequest, RequestError};
use crate::family::store::{FamilyError, ask, leave, newest, settle};
use crate::family::view::{number_of, seen_by};
use crate::notice::template::Message;
use crate::notice::{AccountNotice, FamilyNotice};

impl Reply<'_> {
    /// Asks for a yes to the newest invitation, as the page does.
    pub(super) async fn join_family(&self, conn: &mut PgConnection) -> Result<Handled, IncomingError> {
        let Some(invitation_id) = newest(conn, self.subscriber_id, self.now).await? else {
            return self.say_of_family(conn, FamilyNotice::NoInvitation, Handled::NothingAsked).await;
        };
        if let Some(seen_by) = seen_by(conn, self.subscriber_id).await? {
            let notice = FamilyNotice::InFamily { holder: &seen_by.msisdn };
            return self.say_of_family(conn, notice, Handled::Answered).await;
        }
        let mut rng = StdRng::from_os_rng();
        match ask(conn, self.subscriber_id, invitation_id, &Self::by(), self.now, &mut rng).await {
            Ok(asked) => Ok(Handled::Asked { request_id: asked.request_id }),
            Err(FamilyError::Request(RequestError::TooMany { .. })) => {
                self.say(conn, &Message::Account(AccountNotice::TooMany), Handled::Answered).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// At once, by the same function as the page, which tells both sides.
    pub(super) async fn leave_family(&self, conn: &mut PgConnection) -> Result<Handled, IncomingError> {
        match leave(conn, self.subscriber_id, &Self::by(), self.now).await? {
            Some(_) => Ok(Handled::FamilyLeft),
            None => self.say_of_family(conn, FamilyNotice::NoFamily, Handled::NothingAsked).await,
        }
    }

    /// A yes to the question.
    pub(super) async fn family(
        &self,
        conn: &mut PgConnection,
        holder_id: i64,
        request: &OpenRequest,
        answer: &Answer,
    ) -> Result<Handled, IncomingError> {
        match settle(conn, request, answer).await {
            Ok(()) => Ok(Handled::FamilyJoined),
            Err(FamilyError::Request(RequestError::TooLate) | FamilyError::Gone | FamilyError::InFamily) => {
                let holder = number_of(conn, holder_id).await?;
                self.say_of_family(conn, FamilyNotice::Lapsed { holder: &holder }, Handled::Lapsed).await
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn say_of_family(
        &self,
        conn: &mut PgConnection,
        notice: FamilyNotice<'_>,
        handled: Handled,
    ) -> Result<Handled, IncomingError> {
        self.say(conn, &Message::Family(notice), handled).await
    }
}
