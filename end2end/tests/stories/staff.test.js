import { added, code, demoPassword, giveCode, givePassword, password, setUp } from '../../lib/staff.js';
import { expect, test } from '../../lib/test.js';

/** Another browser of the same kind. */
async function another(browser, baseURL, info) {
  const { javaScriptEnabled, viewport, locale } = info.project.use;
  return browser.newContext({ baseURL, javaScriptEnabled, viewport, locale });
}

test('an administrator adds somebody, who sets up the account, is blocked at once, and comes back', async ({
  page,
  browser,
  baseURL,
}, info) => {
  const kind = info.project.name.replace(' ', '-');
  await setUp(page, await added(`admin.${kind}`, 'administrator'));
  const login = `agent.${kind}`;
  await page.locator('.top-nav a[href="/staff/accounts"]').click();
  const form = page.locator('form[action="/staff/api/add_account"]');
  await form.locator('input[name=login]').fill(login);
  await form.locator('input[name=name]').fill('何苗');
  await form.locator('button').click();
  await expect(page.locator('.banner.bad')).toContainText('请至少选一个岗位');
  await expect(form.locator('input[name=name]')).toHaveValue('何苗');
  await form.locator('input[value=agent]').check();
  await form.locator('button').click();
  await expect(page.locator('.banner')).toContainText('账号开好了');
  const link = new URL(await page.locator('[data-link=enrolment] code').innerText());
  const account = new URL(page.url()).pathname;

  const office = await another(browser, baseURL, info);
  const desk = await office.newPage();
  const secret = await setUp(desk, link.pathname);
  await expect(desk.locator('h1')).toContainText('何苗');
  await expect(desk.locator('a[href^="/staff/accounts"]')).toHaveCount(0);
  expect((await desk.request.get('/staff/accounts')).status()).toBe(403);
  await desk.goto('/me');
  await expect(desk).toHaveURL(/\/login\?next=/);

  await page.locator('form[action="/staff/api/block"] button').click();
  await expect(page.locator('.banner')).toContainText('已停用，所有登录都已退出');
  await desk.goto('/staff');
  await expect(desk).toHaveURL(/\/staff\/login\?problem=ended/);
  await expect(desk.locator('.banner.bad')).toContainText('登录已经结束');
  await givePassword(desk, login, password);
  await expect(desk.locator('.banner.bad')).toContainText('登录名或密码不对');

  await page.locator('.banner form[action="/staff/api/unblock"] button').click();
  await expect(page.locator('.banner')).toContainText('已恢复');
  await givePassword(desk, login, password);
  await giveCode(desk, '000000');
  await expect(desk.locator('.banner.bad')).toContainText('动态口令不对');
  await giveCode(desk, code(secret, 1));
  await expect(desk).toHaveURL('/staff');
  await desk.locator('form[action="/staff/api/sign_out"] button').click();
  await expect(desk).toHaveURL(/\/staff\/login\?ok=signed_out/);
  await office.close();

  await page.goto(account);
  await page.locator('a[href^="/staff/audit"].button').click();
  const block = page.locator('.trail li').filter({ hasText: '停用账号' });
  await expect(block).toContainText(`admin.${kind}`);
  await expect(block.locator('del')).toHaveText('否');
  await expect(block.locator('ins')).toHaveText('是');
});

test('everybody of the demo can sign in with what its page shows', async ({ page }, info) => {
  const login = info.project.name === 'scripts on' ? 'demo.auditor' : 'demo.manager';
  const known = await demoPassword(page, login);
  await givePassword(page, login, known);
  await giveCode(page, await shownCode(page, login));
  await expect(page).toHaveURL('/staff');
  await expect(page.locator('html')).toHaveAttribute('data-desk', 'staff');
});

/** The second step shows the codes too, which may have changed meanwhile. */
async function shownCode(page, login) {
  await expect(page.locator('form[action="/staff/api/second_factor"]')).toBeVisible();
  return page.locator(`tr[data-login="${login}"] code`).innerText();
}
