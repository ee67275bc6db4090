//! Questions about the account, and the cap.

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::{Handled, IncomingError, Reply};
use crate::bill;
use crate::clock::Month;
use crate::consent::cap::{CapRaiseError, request_cap_raise};
use crate::consent::request::RequestError;
use crate::notice::template::Message;
use crate::notice::{AccountNotice, DataLeft, Topic, choice};
use crate::order::view::active;
use crate::quantity::Service;
use crate::usage::store::{UsageError, current_cap, lower_cap, month_overview};

impl Reply<'_> {
    pub(super) async fn plan(&self, conn: &mut PgConnection) -> Result<Handled, IncomingError> {
        let services = active(conn, self.subscriber_id, self.now).await?;
        let runs = |service: &&crate::order::view::ActiveService| service.is_plan && service.starts_at <= self.now;
        let others = services.iter().filter(|service| !service.is_plan).count();
        let plan = services.iter().find(runs);
        let known = plan.and_then(|plan| Some((plan, plan.tariff.content.terms.as_ref()?)));
        let notice = match known {
            Some((plan, terms)) => {
                AccountNotice::Plan { name: &plan.tariff.content.name, terms, ends_at: plan.ends_at, others }
            }
            None => AccountNotice::NoPlan { others },
        };
        self.answer(conn, notice).await
    }

    pub(super) async fn data(&self, conn: &mut PgConnection) -> Result<Handled, IncomingError> {
        let overview = month_overview(conn, self.subscriber_id, Month::of(self.now), self.now).await?;
        let mut data = DataLeft::default();
        for allowance in overview.allowances.iter().filter(|allowance| allowance.service == Service::Data) {
            if allowance.rating_groups.is_empty() {
                data.left += allowance.left;
                data.available += allowance.available;
            } else {
                data.directed_left += allowance.left;
                data.directed_available += allowance.available;
            }
        }
        data.beyond = overview.services.iter().filter(|one| one.service == Service::Data).map(|one| one.overage).sum();
        self.answer(conn, AccountNotice::Data(data)).await
    }

    pub(super) async fn bill(&self, conn: &mut PgConnection) -> Result<Handled, IncomingError> {
        let estimate = bill::store::current_month_estimate(conn, self.subscriber_id, self.now).await?;
        let last = bill::store::history(conn, self.subscriber_id, 1).await?;
        let notice = AccountNotice::Bill {
            month: estimate.month,
            used: estimate.charged.iter().map(|(_, amount)| *amount).sum(),
            expected: estimate.total,
            last: last.first().map(|bill| (bill.month, bill.total)),
        };
        self.answer(conn, notice).await
    }

    pub(super) async fn cap(&self, conn: &mut PgConnection) -> Result<Handled, IncomingError> {
        let overview = month_overview(conn, self.subscriber_id, Month::of(self.now), self.now).await?;
        let (cap, charged) = (overview.cap.cap, overview.cap.charged);
        self.answer(conn, AccountNotice::Cap { cap, charged }).await
    }

    /// Lower at once, higher by a yes to be given to a message of its own, as on the page.
    pub(super) async fn set_cap(
        &self,
        conn: &mut PgConnection,
        cap: Option<Decimal>,
    ) -> Result<Handled, IncomingError> {
        let Some(cap) = cap else { return self.answer(conn, AccountNotice::CapUnreadable).await };
        let id = self.subscriber_id;
        let present = current_cap(conn, id).await?.ok_or(UsageError::NoCap(id))?.cap;
        if cap == present {
            return self.answer(conn, AccountNotice::CapSame { cap }).await;
        }
        if cap < present {
            return match lower_cap(conn, id, cap, &Self::by(), self.now).await {
                Ok(_) => self.say(conn, &Message::CapChanged { cap }, Handled::CapLowered).await,
                Err(UsageError::CapBelowSpent { spent }) => {
                    self.answer(conn, AccountNotice::CapBelowSpent { cap, spent }).await
                }
                Err(error) => Err(error.into()),
            };
        }
        let mut rng = StdRng::from_os_rng();
        match request_cap_raise(conn, id, cap, &Self::by(), self.now, &mut rng).await {
            Ok(asked) => Ok(Handled::Asked { request_id: asked.request_id }),
            Err(CapRaiseError::Request(RequestError::TooMany { .. })) => {
                self.answer(conn, AccountNotice::TooMany).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Turns on or off the reminders that no rule requires. Calls are another choice, made on the site.
    pub(super) async fn reminders(&self, conn: &mut PgConnection, on: bool) -> Result<Handled, IncomingError> {
        choice::choose(conn, self.subscriber_id, Topic::UsageShare, on, "sms", self.now).await?;
        self.answer(conn, AccountNotice::Reminders { on }).await
    }

    async fn answer(&self, conn: &mut PgConnection, notice: AccountNotice<'_>) -> Result<Handled, IncomingError> {
        self.say(conn, &Message::Account(notice), Handled::Answered).await
    }
}
