// What a subscriber does on the portal, in words that tests share.
import { expect } from './test.js';

const code = /(?:验证码|[Cc]ode )\s*(\d{6})/;

/** Messages on the simulated phone, the newest last. */
async function messages(page, msisdn) {
  const phone = await page.context().newPage();
  try {
    await phone.goto(`/demo/handset/${msisdn}`);
    return await phone.locator('.sms-list .sms .sms-text').allInnerTexts();
  } finally {
    await phone.close();
  }
}

/** How many messages the phone has, to tell the next one by. */
export async function countSms(page, msisdn) {
  return (await messages(page, msisdn)).length;
}

/** The first message beyond the first `known`, with its code. Waits until it has come. */
export async function nextSms(page, msisdn, known) {
  let found;
  await expect
    .poll(async () => {
      found = await messages(page, msisdn);
      return found.length;
    })
    .toBeGreaterThan(known);
  const text = found[known];
  return { text, code: code.exec(text)?.[1] };
}

/** The text as it is kept: the code masked. */
export function masked(sms) {
  return sms.text.replace(sms.code, '******').replace(/\s+/g, ' ').trim();
}

/** Asks for a code and leaves the page where it is typed in. */
export async function askForCode(page, msisdn, next = '/me') {
  const known = await countSms(page, msisdn);
  await page.goto(`/login?next=${encodeURIComponent(next)}`);
  const form = page.locator('form[data-method=code]');
  await form.locator('input[name=msisdn]').fill(msisdn);
  await form.locator('button[type=submit]').click();
  await expect(page.locator('form[action="/api/sign_in_with_code"]')).toBeVisible();
  return nextSms(page, msisdn, known);
}

/** Types a code in. */
export async function answerCode(page, digits) {
  const form = page.locator('form[action="/api/sign_in_with_code"]');
  await form.locator('input[name=code]').fill(digits);
  await form.locator('button[type=submit]').click();
}

export async function signInByCode(page, msisdn, next = '/me') {
  const sms = await askForCode(page, msisdn, next);
  await answerCode(page, sms.code);
  await expect(page).toHaveURL(next);
}

/** A code of six digits that is another one. */
export function otherCode(digits) {
  return digits === '111111' ? '222222' : '111111';
}

/** The amount in a text such as `¥1,234.50`, in fen. */
export function fen(text) {
  const [, yuan, part] = /(\d+)\.(\d{2})/.exec(text.replaceAll(',', ''));
  return Number(yuan) * 100 + Number(part);
}
