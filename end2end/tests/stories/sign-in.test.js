import { demoPassword, numberOf } from '../../lib/fixture.js';
import { answerCode, askForCode, otherCode } from '../../lib/portal.js';
import { expect, test } from '../../lib/test.js';

test('a wrong code is refused, the right one works once, and signing out ends it', async ({ page }, info) => {
  const msisdn = numberOf('codeSignIn', info.project.name);
  const sms = await askForCode(page, msisdn, '/me/bills');
  await answerCode(page, otherCode(sms.code));
  await expect(page.locator('.banner.bad')).toContainText('验证码不对');
  await answerCode(page, sms.code);
  await expect(page).toHaveURL('/me/bills');
  await page.locator('form[action="/api/sign_out"] button').click();
  await expect(page).toHaveURL(/\/login\?ok=signed_out/);
  await page.goto('/me');
  await expect(page).toHaveURL(/\/login\?next=/);
});

test('a second code within the minute has to wait, and the page says until when', async ({ page }, info) => {
  const msisdn = numberOf('rateLimit', info.project.name);
  await askForCode(page, msisdn);
  await page.locator('form[action="/api/request_code"] button').click();
  await expect(page.locator('.banner.bad')).toContainText(/请在 \d\d:\d\d 以后再试/);
});

test('the service password signs in, and a wrong one does not', async ({ page }) => {
  await page.goto('/login');
  const { msisdn, password } = await demoPassword(page);
  const form = page.locator('form[data-method=password]');
  const answer = async (typed) => {
    await form.locator('input[name=msisdn]').fill(msisdn);
    await form.locator('input[name=password]').fill(typed);
    await form.locator('button[type=submit]').click();
  };
  await answer('not-the-one');
  await expect(page.locator('.banner.bad')).toContainText('手机号或服务密码不对');
  await answer(password);
  await expect(page).toHaveURL('/me');
});

test('a number that nobody has gets the same answer', async ({ page }) => {
  await page.goto('/login');
  const form = page.locator('form[data-method=password]');
  await form.locator('input[name=msisdn]').fill('19999999999');
  await form.locator('input[name=password]').fill('264813');
  await form.locator('button[type=submit]').click();
  await expect(page.locator('.banner.bad')).toContainText('手机号或服务密码不对');
});
