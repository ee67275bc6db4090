use charging::staff::Permission;
use leptos::prelude::*;

use super::signed_in;
use crate::components::{DisplayTools, current};
use crate::i18n::{Locale, td_string};
use crate::request::locale;

/// A part of the desk.
pub(super) struct Area {
    pub href: &'static str,
    pub name: &'static str,
    pub about: &'static str,
    pub needs: Permission,
}

/// Every part that there is; each of the staff sees those that he may enter.
pub(super) fn areas(l: Locale) -> Vec<Area> {
    vec![
        Area {
            href: "/staff/refunds",
            name: td_string!(l, pay.refunds),
            about: td_string!(l, pay.refunds_about),
            needs: Permission::HelpSubscribers,
        },
        Area {
            href: "/staff/reconciliation",
            name: td_string!(l, pay.reconciliation),
            about: td_string!(l, pay.reconciliation_about),
            needs: Permission::ApproveRefunds,
        },
        Area {
            href: "/staff/tariffs",
            name: td_string!(l, draft.area),
            about: td_string!(l, draft.about),
            needs: Permission::SeeTariffs,
        },
        Area {
            href: "/staff/tariffs/board",
            name: td_string!(l, board.title),
            about: td_string!(l, board.about),
            needs: Permission::SeeTariffs,
        },
        Area {
            href: "/staff/tariffs/withdrawals",
            name: td_string!(l, board.approvals),
            about: td_string!(l, board.approvals_about),
            needs: Permission::ApproveTariffs,
        },
        Area {
            href: "/staff/accounts",
            name: td_string!(l, staff.accounts),
            about: td_string!(l, staff.accounts_about),
            needs: Permission::ManageAccounts,
        },
        Area {
            href: "/staff/mass-offers",
            name: td_string!(l, mass_offer.title),
            about: td_string!(l, mass_offer.about),
            needs: Permission::SeeTariffs,
        },
        Area {
            href: "/staff/incidents",
            name: td_string!(l, incident.title),
            about: td_string!(l, incident.about_area),
            needs: Permission::ReadIncidents,
        },
        Area {
            href: "/staff/complaints",
            name: td_string!(l, dispute.complaints),
            about: td_string!(l, dispute.complaints_about),
            needs: Permission::HelpSubscribers,
        },
        Area {
            href: "/staff/subscribers",
            name: td_string!(l, dispute.subscribers),
            about: td_string!(l, dispute.subscribers_about),
            needs: Permission::HelpSubscribers,
        },
        Area {
            href: "/staff/channels",
            name: td_string!(l, channel.desk),
            about: td_string!(l, channel.desk_about),
            needs: Permission::SeeTariffs,
        },
        Area {
            href: "/staff/audit",
            name: td_string!(l, staff.audit),
            about: td_string!(l, staff.audit_about),
            needs: Permission::ReadTrail,
        },
    ]
}

/// The top of every page of the desk: another colour than the portal's, the parts one may enter, and who one is.
#[component]
pub fn DeskHeader() -> impl IntoView {
    let l = locale();
    let member = signed_in();
    let parts = member.as_ref().map(|member| {
        let parts = areas(l).into_iter().filter(|area| member.may(area.needs));
        let links = parts.map(|area| view! { <a href=area.href aria-current=current(area.href)>{area.name}</a> });
        view! { <nav class="top-nav" aria-label=td_string!(l, common.nav_label)>{links.collect_view()}</nav> }
    });
    let way_out = member.map(|member| {
        view! {
            <a class="tool" href="/staff/password" aria-current=current("/staff/password")>
                {member.name}
            </a>
            <form method="post" action="/staff/api/sign_out">
                <button class="tool">{td_string!(l, sign_in.sign_out)}</button>
            </form>
        }
    });
    view! {
        <a class="skip" href="#main">{td_string!(l, common.skip)}</a>
        <header class="top desk-top">
            <div class="top-inner">
                <a class="brand" href="/staff">
                    <span class="brand-mark" aria-hidden="true">"明"</span>
                    <span>{td_string!(l, staff.desk)}</span>
                </a>
                {parts}
                <div class="top-tools">
                    <DisplayTools />
                    {way_out}
                </div>
            </div>
        </header>
    }
}

/// The foot of every page of the desk.
#[component]
pub fn DeskFooter() -> impl IntoView {
    let l = locale();
    view! {
        <footer class="foot">
            <div class="foot-inner">
                <p>{td_string!(l, staff.foot)}</p>
                <p><a href="/">{td_string!(l, staff.to_portal)}</a></p>
            </div>
        </footer>
    }
}
