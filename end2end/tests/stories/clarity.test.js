import { added, setUp } from '../../lib/staff.js';
import { expect, test } from '../../lib/test.js';

test('anybody sees what makes tariffs hard to understand, and why', async ({ page }) => {
  await page.goto('/tariffs');
  await page.locator('a[href="/tariffs/clarity"]').first().click();
  await expect(page.locator('h1')).toContainText('公示资费读得懂吗');
  await expect(page.locator('.shares')).toHaveCount(3);
  await page.locator('a[href="/tariffs/rules"]').first().click();
  const rules = page.locator('.rules > li');
  await expect(rules).toHaveCount(15);
  await expect(page.locator('#vague-term .example.bad')).toContainText('以当地营业厅为准');
  await expect(page.locator('#vague-term .example.good')).toContainText('每月 59 元');
  await page.locator('#vague-term a[href="/tariffs/clarity?rule=vague-term"]').click();
  await expect(page.locator('select[name=rule]')).toHaveValue('vague-term');
});

test('one plans what goes off sale, another approves it', async ({ page, browser, baseURL }, info) => {
  const kind = info.project.name.replace(' ', '-');
  const tariff = info.project.name === 'scripts on' ? '24MB900116' : '24MB900115';
  await setUp(page, await added(`manager.${kind}`, 'tariff_manager'));
  await page.locator('.top-nav a[href="/staff/tariffs/board"]').click();
  await expect(page.locator('h1')).toContainText('在售资费一览');
  await page.locator(`input[name=id][value="${tariff}"]`).check();
  await page.locator('form[action="/staff/tariffs/board/effect"] button').click();
  const form = page.locator('form[action="/staff/api/ask_withdrawal"]');
  await form.locator('input[name=withdraw_at]').fill('2034-01-01T00:00');
  await form.locator('textarea').fill('用的人太少');
  await form.locator('button').click();
  await expect(page.locator('.banner.bad')).toContainText('停售时间要晚于现在');
  await expect(form.locator('textarea')).toHaveValue('用的人太少');
  const soon = new Date(Date.now() + 30 * 24 * 3600 * 1000).toISOString().slice(0, 10);
  await form.locator('input[name=withdraw_at]').fill(`${soon}T00:00`);
  await form.locator('button').click();
  await expect(page.locator('.banner')).toContainText('已交给另一个人审批');
  const plan = page.locator('article[data-plan]').filter({ hasText: tariff });
  await expect(plan).toContainText('等人审批');
  expect((await page.request.get('/staff/tariffs/withdrawals')).status()).toBe(403);

  const { javaScriptEnabled, viewport, locale } = info.project.use;
  const office = await browser.newContext({ baseURL, javaScriptEnabled, viewport, locale });
  const desk = await office.newPage();
  await setUp(desk, await added(`approver.${kind}`, 'tariff_approver'));
  await desk.locator('.top-nav a[href="/staff/tariffs/withdrawals"]').click();
  const waiting = desk.locator('article[data-plan]').filter({ hasText: tariff });
  await waiting.locator('form[action="/staff/api/approve_withdrawal"] button').click();
  await expect(desk.locator('.banner')).toContainText('已批准');
  await office.close();

  await page.goto('/staff/tariffs/board');
  await expect(page.locator('article').filter({ hasText: tariff }).first()).toContainText('已批准');
});
