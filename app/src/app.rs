//! The frame of every page, and where each page is.

use leptos::config::LeptosOptions;
use leptos::hydration::HydrationScripts;
use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, MetaTags, Title, provide_meta_context};
use leptos_router::components::{ParentRoute, Route, Router, Routes};
use leptos_router::{SsrMode, path};

use crate::access::{Refused, is_desk};
use crate::components::{Footer, Header, MeLayout, NotFound, document_title};
use crate::demo::{DemoPayPage, HandsetPage};
use crate::i18n::td_string;
use crate::me;
use crate::public;
use crate::request::{extension, language_tag, large_print, locale, path_and_query};
use crate::sign_in::LoginPage;
use crate::staff::{self, DeskFooter, DeskHeader, RefusedPage};

/// The document around [`App`].
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let print = large_print().then_some("large");
    let desk = at_desk().then_some("staff");
    view! {
        <!DOCTYPE html>
        <html lang=language_tag(locale()) data-print=print data-desk=desk>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <HashedStylesheet options=options.clone() />
                <link rel="icon" href="/icon.svg" type="image/svg+xml" />
                <HydrationScripts options islands=true />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// Whether the page is one of the staff's desk, which looks different from the portal.
fn at_desk() -> bool {
    let here = path_and_query();
    is_desk(here.split('?').next().unwrap_or(&here))
}

/// Every page. Routes are listed by rendering this once without a request, so nothing here may need one.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let brand = td_string!(locale(), common.brand_full);
    view! {
        <Title formatter=move |title: String| document_title(&title, brand) />
        <Router>
            {if at_desk() { view! { <DeskHeader /> }.into_any() } else { view! { <Header /> }.into_any() }}
            <main id="main">
                {if extension::<Refused>().is_some() { view! { <RefusedPage /> }.into_any() } else { view! { <Pages /> }.into_any() }}
            </main>
            {if at_desk() { view! { <DeskFooter /> }.into_any() } else { view! { <Footer /> }.into_any() }}
        </Router>
    }
}

/// What stands between header and footer, by address.
#[component]
fn Pages() -> impl IntoView {
    view! {
        <Routes fallback=|| view! { <NotFound /> }>
            <Route path=path!("/") view=public::HomePage ssr=SsrMode::Async />
            <Route path=path!("/tariffs") view=public::ZonePage ssr=SsrMode::Async />
            <Route path=path!("/tariffs/compare") view=public::ComparePage ssr=SsrMode::Async />
            <Route path=path!("/tariffs/changes") view=public::ChangesPage ssr=SsrMode::Async />
            <Route path=path!("/tariffs/rules") view=public::RulesPage ssr=SsrMode::Async />
            <Route path=path!("/tariffs/clarity") view=public::ClarityPage ssr=SsrMode::Async />
            <Route path=path!("/tariffs/:scheme_id") view=public::TariffPage ssr=SsrMode::Async />
            <Route path=path!("/tariffs/:scheme_id/versions/:version") view=public::TariffPage ssr=SsrMode::Async />
            <Route path=path!("/tariffs/:scheme_id/difference") view=public::DifferencePage ssr=SsrMode::Async />
            <Route path=path!("/notices") view=public::MessagesPage ssr=SsrMode::Async />
            <Route path=path!("/channels") view=public::ChannelsPage ssr=SsrMode::Async />
            <Route path=path!("/channels/:id") view=public::ChannelPage ssr=SsrMode::Async />
            <Route path=path!("/channels/:id/check") view=public::CheckPage ssr=SsrMode::Async />
            <Route path=path!("/statements") view=public::StatementsPage ssr=SsrMode::Async />
            <Route path=path!("/statements/:id") view=public::StatementPage ssr=SsrMode::Async />
            <Route path=path!("/login") view=LoginPage ssr=SsrMode::Async />
            <Route path=path!("/demo/handset/:msisdn") view=HandsetPage ssr=SsrMode::Async />
            <Route path=path!("/demo/pay/:prepay_id") view=DemoPayPage ssr=SsrMode::Async />
            <ParentRoute path=path!("/me") view=MeLayout ssr=SsrMode::Async>
                <Route path=path!("") view=me::OverviewPage ssr=SsrMode::Async />
                <Route path=path!("usage") view=me::UsagePage ssr=SsrMode::Async />
                <Route path=path!("addons") view=me::AddonsPage ssr=SsrMode::Async />
                <Route path=path!("cap") view=me::CapPage ssr=SsrMode::Async />
                <Route path=path!("plans") view=me::PlansPage ssr=SsrMode::Async />
                <Route path=path!("order/:scheme_id") view=me::OrderPage ssr=SsrMode::Async />
                <Route path=path!("bills") view=me::BillsPage ssr=SsrMode::Async />
                <Route path=path!("bills/:month") view=me::BillPage ssr=SsrMode::Async />
                <Route path=path!("bills/:month/:line") view=me::WhyPage ssr=SsrMode::Async />
                <Route path=path!("family") view=me::FamilyPage ssr=SsrMode::Async />
                <Route path=path!("family/:month") view=me::FamilyBillPage ssr=SsrMode::Async />
                <Route path=path!("balance") view=me::BalancePage ssr=SsrMode::Async />
                <Route path=path!("pay/:payment") view=me::PaymentPage ssr=SsrMode::Async />
                <Route path=path!("disputes") view=me::DisputesPage ssr=SsrMode::Async />
                <Route path=path!("disputes/:dispute") view=me::DisputePage ssr=SsrMode::Async />
                <Route path=path!("agreements") view=me::AgreementsPage ssr=SsrMode::Async />
                <Route path=path!("agreements/:order") view=me::SlipPage ssr=SsrMode::Async />
                <Route path=path!("notices") view=me::NoticesPage ssr=SsrMode::Async />
                <Route path=path!("notices/choices") view=me::ChoicesPage ssr=SsrMode::Async />
            </ParentRoute>
            <Route path=path!("/staff") view=staff::StaffHomePage ssr=SsrMode::Async />
            <Route path=path!("/staff/login") view=staff::StaffLoginPage ssr=SsrMode::Async />
            <Route path=path!("/staff/enrol/:ticket") view=staff::EnrolPage ssr=SsrMode::Async />
            <Route path=path!("/staff/password") view=staff::StaffPasswordPage ssr=SsrMode::Async />
            <Route path=path!("/staff/accounts") view=staff::AccountsPage ssr=SsrMode::Async />
            <Route path=path!("/staff/accounts/:account") view=staff::AccountPage ssr=SsrMode::Async />
            <Route path=path!("/staff/mass-offers") view=staff::MassOffersPage ssr=SsrMode::Async />
            <Route path=path!("/staff/mass-offers/:offer") view=staff::MassOfferPage ssr=SsrMode::Async />
            <Route path=path!("/staff/refunds") view=staff::RefundsPage ssr=SsrMode::Async />
            <Route path=path!("/staff/reconciliation") view=staff::ReconciliationPage ssr=SsrMode::Async />
            <Route path=path!("/staff/complaints") view=staff::ComplaintsPage ssr=SsrMode::Async />
            <Route path=path!("/staff/complaints/:complaint") view=staff::CasePage ssr=SsrMode::Async />
            <Route path=path!("/staff/subscribers") view=staff::LookPage ssr=SsrMode::Async />
            <Route path=path!("/staff/subscribers/:msisdn") view=staff::SubscriberPage ssr=SsrMode::Async />
            <Route path=path!("/staff/channels") view=staff::ChannelsPage ssr=SsrMode::Async />
            <Route path=path!("/staff/channels/:id") view=staff::ChannelPage ssr=SsrMode::Async />
            <Route path=path!("/staff/audit") view=staff::AuditPage ssr=SsrMode::Async />
            <Route path=path!("/staff/incidents") view=staff::IncidentsPage ssr=SsrMode::Async />
            <Route path=path!("/staff/incidents/detectors") view=staff::DetectorsPage ssr=SsrMode::Async />
            <Route path=path!("/staff/incidents/findings/:finding") view=staff::FindingPage ssr=SsrMode::Async />
            <Route path=path!("/staff/incidents/:incident") view=staff::IncidentPage ssr=SsrMode::Async />
            <Route path=path!("/staff/incidents/:incident/statement") view=staff::IncidentStatementPage ssr=SsrMode::Async />
            <Route path=path!("/staff/incidents/:incident/charges") view=staff::AffectedPage ssr=SsrMode::Async />
            <Route path=path!("/staff/tariffs/board") view=staff::BoardPage ssr=SsrMode::Async />
            <Route path=path!("/staff/tariffs/board/effect") view=staff::EffectPage ssr=SsrMode::Async />
            <Route path=path!("/staff/tariffs/withdrawals") view=staff::WithdrawalsPage ssr=SsrMode::Async />
            <Route path=path!("/staff/tariffs") view=staff::TariffWorkPage ssr=SsrMode::Async />
            <Route path=path!("/staff/tariffs/new") view=staff::NewDraftPage ssr=SsrMode::Async />
            <Route path=path!("/staff/tariffs/drafts/:draft") view=staff::DraftPage ssr=SsrMode::Async />
            <Route path=path!("/staff/tariffs/submissions/:submission") view=staff::SubmissionPage ssr=SsrMode::Async />
        </Routes>
    }
}
