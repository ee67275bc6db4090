// Every page, for the checks that look at all of them.
import { addon, plan } from './fixture.js';

export const publicPages = [
  '/',
  '/tariffs',
  '/tariffs?sale=off',
  '/tariffs?q=没有这样的资费',
  `/tariffs/${plan.scheme_id}`,
  `/tariffs/compare?id=${plan.scheme_id}&id=${addon.scheme_id}`,
  '/channels',
  '/channels?problem=report',
  '/channels/QD000001',
  '/channels/QD000001/check',
  '/channels/QD000002',
  '/channels/QD999999',
  '/notices',
  '/login',
  '/login?problem=code',
  '/staff/login',
  '/staff/login?problem=password',
  '/staff/enrol/1-00',
  '/nothing/here',
];

/** Pages of a signed-in subscriber; some addresses are read from the pages before them. */
export async function ownPages(page) {
  const first = async (path, selector) => {
    await page.goto(path);
    return page.locator(selector).first().getAttribute('href');
  };
  const slip = await first('/me/agreements', '.entries a.why');
  const bill = await first('/me/bills', '.months a.month');
  await page.goto(bill);
  const whys = await page.locator('a.why').evaluateAll((links) => links.map((link) => link.getAttribute('href')));
  const running = await first('/me/bills', '.running a');
  return [
    '/me',
    '/me/usage',
    '/me/bills',
    bill,
    running,
    ...whys,
    '/me/bills/2019-01',
    '/me/addons',
    '/me/plans',
    '/me/balance',
    '/me/cap',
    '/me/family',
    '/me/agreements',
    slip,
    '/me/notices',
    '/me/notices/choices',
    '/me/notices/choices?ok=saved',
    `/me/order/${addon.scheme_id}`,
    `/me/order/${plan.scheme_id}`,
  ];
}

/** The page of a question that waits for its yes: the SMS, the code, the field for a signature. */
export async function askedPage(page) {
  await page.goto(`/me/order/${addon.scheme_id}`);
  const ask = page.locator('form[action="/api/order"] button');
  if (await ask.count()) await ask.click();
  const { pathname, search } = new URL(page.url());
  return pathname + search;
}

export const screens = [
  { name: 'phone', width: 390, height: 844 },
  { name: 'desktop', width: 1280, height: 900 },
];

export const themes = ['light', 'dark'];

/** Pages of the desk, as an administrator sees them; `link` is one to set up an account. */
export function deskPages(link) {
  return [
    '/staff',
    '/staff/password',
    '/staff/password?problem=different',
    '/staff/accounts',
    '/staff/accounts?problem=no_role',
    '/staff/accounts/1',
    '/staff/accounts/2?ok=blocked',
    '/staff/accounts/6',
    '/staff/channels',
    '/staff/channels/QD000001',
    '/staff/channels/QD000002?problem=oneself',
    '/staff/audit',
    '/staff/audit?who=nobody.here',
    '/staff/nowhere',
    link,
  ];
}
