import { numberOf } from '../../lib/fixture.js';
import { signInByCode } from '../../lib/portal.js';
import { demoPassword, giveCode, givePassword } from '../../lib/staff.js';
import { expect, test } from '../../lib/test.js';

/** Somebody of the demo's staff, in a browser of his own. */
async function desk(browser, baseURL, info, login) {
  const { javaScriptEnabled, viewport, locale } = info.project.use;
  const office = await browser.newContext({ baseURL, javaScriptEnabled, viewport, locale });
  const page = await office.newPage();
  const known = await demoPassword(page, login);
  await givePassword(page, login, known);
  await giveCode(page, await page.locator(`tr[data-login="${login}"] code`).innerText());
  await expect(page).toHaveURL('/staff');
  return page;
}

test('a subscriber says that a line is wrong, an agent sees the evidence, and the money goes back', async ({
  page,
  browser,
  baseURL,
}, info) => {
  const isScripted = info.project.name === 'scripts on';
  const number = numberOf('dispute', info.project.name);
  await signInByCode(page, number);
  await page.goto('/me/bills');
  await page.locator('.months a.month').first().click();
  const row = page.locator('.lines tbody tr').filter({ has: page.locator('a[href$="#dispute"]') }).first();
  const amount = (await row.locator('.yuan').innerText()).replace(/[^\d.]/g, '');
  await row.locator('a[href$="#dispute"]').click();
  await page.locator('#dispute textarea').fill('这个月我没有用过');
  await page.locator('#dispute button').click();
  await expect(page.locator('.banner')).toContainText('答复前这笔不用交');
  await expect(page.locator('.dispute-steps')).toContainText('这个月我没有用过');
  const own = page.url();
  await page.locator('a[href^="/me/bills/"]').first().click();
  await page.locator('.back a').click();
  await expect(page.locator('.lines')).toContainText('有争议，答复前不用交');

  const agent = await desk(browser, baseURL, info, isScripted ? 'demo.agent' : 'demo.lead');
  await agent.goto(`/staff/complaints?number=${number}`);
  await agent.locator('tbody a').first().click();
  await expect(agent.locator('[data-evidence]')).toContainText('资费、订单、同意和算法都对得上');
  await expect(agent.locator('[data-evidence]')).toContainText('完好');
  await agent.locator('form[action="/staff/api/dispute_ask"] textarea').fill('您指的是哪一天？');
  await agent.locator('form[action="/staff/api/dispute_ask"] button').click();
  await expect(agent.locator('.banner')).toContainText('问题发给用户了');

  await page.goto(own);
  await expect(page.locator('.dispute-steps')).toContainText('您指的是哪一天？');
  await page.locator('form[action="/api/dispute_tell"] textarea').fill('整个月');
  await page.locator('form[action="/api/dispute_tell"] button').click();

  await agent.reload();
  const refund = agent.locator('form[action="/staff/api/dispute_refund"]');
  await refund.locator('input[name=amount]').fill('100000');
  await refund.locator('textarea').fill('体谅您，全部退回');
  await refund.locator('button').click();
  await expect(agent.locator('.banner.bad')).toContainText('金额不对');
  await refund.locator('input[name=amount]').fill(amount);
  await refund.locator('textarea').fill('体谅您，全部退回');
  await refund.locator('button').click();
  await expect(agent.locator('.banner')).toContainText('答复了用户');

  await page.goto(own);
  await expect(page.locator('.tag.on').first()).toContainText(`退了 ${amount} 元`);
  await expect(page.locator('.dispute-steps')).toContainText('体谅您，全部退回');
  await page.goto('/me/notices');
  await expect(page.locator('main')).toContainText('按原来交费的方式退');
  await takenHome(page);
});

/** The bills as files say what the pages say. */
async function takenHome(page) {
  for (const link of ['months.csv', 'months.pdf', 'lines.csv']) {
    const file = await page.request.get(`/me/bills/${link}`);
    expect(file.status()).toBe(200);
    expect(file.headers()['content-disposition']).toContain('attachment');
  }
  const months = await (await page.request.get('/me/bills/months.csv')).text();
  const [, newest] = months.split('\r\n');
  const [, month, , total] = newest.split(',');
  await page.goto(`/me/bills/${month}`);
  await expect(page.locator('.lines .total')).toContainText(total);
  const bill = await page.request.get(`/me/bills/${month}/bill.pdf`);
  expect((await bill.body()).subarray(0, 5).toString()).toBe('%PDF-');
}

test('an agent looks at a subscriber with a reason, and not without', async ({ browser, baseURL }, info) => {
  const agent = await desk(browser, baseURL, info, info.project.name === 'scripts on' ? 'demo.lead' : 'demo.agent');
  await agent.goto(`/staff/subscribers/${numberOf('dispute', info.project.name)}`);
  await expect(agent.locator('main')).not.toContainText('归属地');
  await agent.locator('input[name=reason]').fill('用户来电问 10 月账单');
  await agent.locator('form[action="/staff/api/look"] button').click();
  await expect(agent.locator('.banner')).toContainText('用户来电问 10 月账单');
  await expect(agent.locator('main')).toContainText('归属地');
});
