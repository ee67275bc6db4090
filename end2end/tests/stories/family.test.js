import { demoPassword, numberOf } from '../../lib/fixture.js';
import { countSms, nextSms, signInByCode } from '../../lib/portal.js';
import { expect, test } from '../../lib/test.js';

test('a number is invited, agrees with the code, is in the family, and leaves with one click', async ({
  page,
  browser,
  baseURL,
}, info) => {
  const { javaScriptEnabled, viewport, locale } = info.project.use;
  const [holder, member] = ['familyHolder', 'familyMember'].map((story) => numberOf(story, info.project.name));
  await signInByCode(page, holder);
  await page.goto('/me/bills');
  await page.locator('main a[href="/me/family"]').first().click();
  await expect(page.locator('main')).toContainText('谁的费用谁付');
  const invite = page.locator('form[action="/api/family_invite"]');
  await invite.locator('input[name=msisdn]').fill(holder);
  await invite.locator('button').click();
  await expect(page.locator('.banner')).toContainText('这是您自己的号码');
  let known = await countSms(page, member);
  await invite.locator('input[name=msisdn]').fill(member);
  await invite.locator('button').click();
  await expect(page.locator('.banner')).toContainText('邀请已发出');
  const invitation = await nextSms(page, member, known);
  expect(invitation.text).toContain(holder);
  expect(invitation.text).toContain('看不到通话、上网等详单');
  await expect(page.locator('main')).toContainText(`等对方答复`);

  const home = await browser.newContext({ baseURL, javaScriptEnabled, viewport, locale });
  const phone = await home.newPage();
  await signInByCode(phone, member);
  await expect(phone.locator('.banner')).toContainText(`${holder} 邀请您加入家庭账单`);
  await phone.locator('.banner a[href="/me/family"]').click();
  await expect(phone.locator('.asks')).toContainText('对方看不到：通话、短信、上网的详单');
  known = await countSms(phone, member);
  await phone.locator('button[form^="join-"]').click();
  const question = await nextSms(phone, member, known);
  await phone.locator('#answer input[name=code]').fill(question.code);
  await phone.locator('#answer > .buttons button').first().click();
  await expect(phone.locator('.banner')).toContainText('已加入');
  await expect(phone.locator('main')).toContainText(`${holder} 能看到您的账单`);
  await phone.locator('a[href^="/me/agreements/family-"]').click();
  await expect(phone.locator('.slip')).toContainText('家庭账单同意凭证');

  await page.goto('/me/family');
  await expect(page.locator('main')).toContainText('还没有可看的账单');
  await expect(page.locator('form[action="/api/family_end"]')).toHaveCount(1);

  await phone.goto('/me/family');
  await phone.locator('form[action="/api/family_leave"] button').click();
  await expect(phone.locator('.banner')).toContainText('已退出，马上生效');
  await page.reload();
  await expect(page.locator('form[action="/api/family_end"]')).toHaveCount(0);
  await home.close();
});

test('the family of the demo is seen by month, and its files say the same', async ({ page }) => {
  await page.goto('/login');
  const { msisdn, password } = await demoPassword(page);
  const form = page.locator('form[data-method=password]');
  await form.locator('input[name=msisdn]').fill(msisdn);
  await form.locator('input[name=password]').fill(password);
  await form.locator('button[type=submit]').click();
  await expect(page).toHaveURL('/me');
  await page.goto('/me/family');
  const newest = page.locator('.months a.month').first();
  const month = (await newest.getAttribute('href')).split('/').pop();
  await newest.click();
  await expect(page.locator('h1')).toContainText('家庭账单');
  await expect(page.locator('.receipt section')).toHaveCount(4);
  await expect(page.locator('.receipt')).toContainText('各付各的');
  const file = await (await page.request.get(`/me/family/${month}/bill.csv`)).text();
  const rows = file.trim().split('\r\n').slice(1).map((row) => row.split(','));
  const fen = (amount) => Math.round(Number(amount) * 100);
  const sum = rows.reduce((total, row) => total + fen(row[3]), 0);
  const shown = await page.locator('.receipt section').first().locator('.total .yuan').innerText();
  expect(fen(shown.replace(/[^\d.]/g, ''))).toBe(sum);
  const paper = await page.request.get(`/me/family/${month}/bill.pdf`);
  expect((await paper.body()).subarray(0, 5).toString()).toBe('%PDF-');
});
