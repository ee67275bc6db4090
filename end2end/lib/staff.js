// What somebody of the operator does at the desk, in words that tests share.
import { createHmac } from 'node:crypto';
import { expect } from './test.js';
import { run } from './server.js';

export const password = 'quiet river stone';

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function fromBase32(text) {
  const bits = [...text.replaceAll(' ', '')].map((letter) => letters.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
}

/** The code that an authenticator with this secret shows so many steps from now (RFC 6238). */
export function code(secret, steps = 0) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const mac = createHmac('sha1', fromBase32(secret)).update(counter).digest();
  const at = mac[mac.length - 1] & 0xf;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** Adds an account on the command line; the path of its link. */
export async function added(login, ...roles) {
  const said = await run('staff', 'add', login, ...roles.flatMap((role) => ['--role', role]));
  return /\/staff\/enrol\/\S+/.exec(said)[0];
}

/** Sets an account up by its link; returns the secret that the authenticator keeps. */
export async function setUp(page, link) {
  await page.goto(link);
  const secret = await page.locator('code.secret').innerText();
  await page.locator('input[name=code]').fill(code(secret));
  await page.locator('input[name=password]').fill(password);
  await page.locator('input[name=repeated]').fill(password);
  await page.locator('form[action="/staff/api/enrol"] button').click();
  await expect(page).toHaveURL('/staff?ok=enrolled');
  return secret;
}

export async function givePassword(page, login, typed) {
  const form = page.locator('form[action="/staff/api/sign_in"]');
  await form.locator('input[name=login]').fill(login);
  await form.locator('input[name=password]').fill(typed);
  await form.locator('button').click();
}

export async function giveCode(page, digits) {
  const form = page.locator('form[action="/staff/api/second_factor"]');
  await form.locator('input[name=code]').fill(digits);
  await form.locator('button').click();
}

/** The password of somebody of the demo, as the sign-in page shows everyone. */
export async function demoPassword(page, login) {
  await page.goto('/staff/login');
  const shown = page.locator('section').filter({ has: page.locator('table[data-demo=staff]') });
  const [known] = /[a-z-]+-\d{4}/.exec(await shown.locator('p').innerText());
  await expect(shown.locator(`tr[data-login="${login}"]`)).toBeVisible();
  return known;
}
