// Money in and back: a top-up, a bill, a refund that one asks for and another lets go.
import { monthName, numberOf } from '../../lib/fixture.js';
import { signInByCode } from '../../lib/portal.js';
import { added, setUp } from '../../lib/staff.js';
import { expect, test } from '../../lib/test.js';

const patience = { timeout: 30_000 };

/** Loads a page until it says so: without scripts nothing else would. */
async function says(page, path, text) {
  await expect(async () => {
    await page.goto(path);
    await expect(page.locator('main')).toContainText(text, { timeout: 500 });
  }).toPass(patience);
}

/** Pays at the simulated gateway, and comes back to where the payment is followed. */
async function pay(page, link) {
  await expect(page).toHaveURL(/\/me\/pay\/\d+$/);
  const followed = new URL(page.url()).pathname;
  await page.getByRole('link', { name: link }).click();
  await expect(page).toHaveURL(/\/demo\/pay\/[0-9a-f]{32}$/);
  await page.locator('form[action="/api/demo_pay"] button').click();
  await expect(page.getByRole('status')).toContainText('付款成功');
  await says(page, followed, '付好了');
  await expect(page.locator('[data-state=paid]')).toBeVisible();
}

/** Somebody of the staff, in a browser of their own. */
async function colleague(browser, baseURL, info, role) {
  const { javaScriptEnabled, viewport, locale } = info.project.use;
  const context = await browser.newContext({ baseURL, javaScriptEnabled, viewport, locale });
  const desk = await context.newPage();
  await setUp(desk, await added(`money.${role.replace('_', '-')}.${info.project.name.replace(' ', '-')}`, role));
  return desk;
}

test('a top-up, a bill that is paid, and a part of it back the way it was paid', async ({ page, browser, baseURL }, info) => {
  test.setTimeout(120_000);
  const msisdn = numberOf('payment', info.project.name);
  const month = monthName(3);

  await test.step('a top-up by the code on the screen', async () => {
    await signInByCode(page, msisdn, '/me/balance');
    const form = page.locator('form[action="/api/pay"]').filter({ has: page.locator('input[value=top_up]') });
    await form.locator('input[value="50.00"]').check();
    await form.locator('button[value=code]').click();
    await expect(page.locator('svg.qr')).toBeVisible();
    await pay(page, '打开付款页面');
    await page.goto('/me/balance');
    await expect(page.locator('.figure').first()).toContainText('50.00');
  });

  await test.step('the oldest bill, on its page', async () => {
    await page.goto(`/me/bills/${month}`);
    const due = page.locator('#pay');
    await expect(due).toContainText('59.00');
    await due.locator('button[value=link]').click();
    await pay(page, '去付款');
    await page.goto(`/me/bills/${month}`);
    await expect(page.locator('main')).toContainText('这张账单付清了');
  });

  await test.step('one asks for a refund and cannot let it go', async () => {
    const agent = await colleague(browser, baseURL, info, 'agent');
    await agent.goto('/staff/refunds');
    const form = agent.locator('form[action="/staff/api/ask_refund"]');
    await form.locator('input[name=msisdn]').fill(msisdn);
    await form.locator('input[name=month]').fill(month);
    await form.locator('input[name=line]').fill('1');
    await form.locator('input[name=amount]').fill('9.00');
    await form.locator('select').selectOption('goodwill');
    await form.locator('button').click();
    await expect(agent.locator('.banner')).toContainText('等另一个人审核');
    const asked = agent.locator('.trail li').filter({ hasText: msisdn });
    await expect(asked).toContainText('由客服组长审核');
    await expect(asked.locator('form')).toHaveCount(0);
    await agent.context().close();
  });

  await test.step('another lets it go', async () => {
    const lead = await colleague(browser, baseURL, info, 'agent_lead');
    await lead.goto('/staff/refunds');
    const asked = lead.locator('.trail > li').filter({ hasText: msisdn });
    await asked.locator('form[action="/staff/api/approve_refund"] button').click();
    await expect(lead.locator('.banner')).toContainText('已批准');
    await lead.context().close();
  });

  await test.step('it arrives where it came from', async () => {
    await says(page, '/me/balance', '原路退回 ¥9.00：已到账');
    await expect(page.locator('.history li').first()).toContainText('已退回');
  });
});
