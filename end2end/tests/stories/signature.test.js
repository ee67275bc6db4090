// A yes by signature and code: drawn where there are scripts, the name where there are none. And the slip, checked by the
// program alone.
import { readFile, writeFile } from 'node:fs/promises';
import { addon, numberOf, registeredName } from '../../lib/fixture.js';
import { countSms, nextSms, signInByCode } from '../../lib/portal.js';
import { run } from '../../lib/server.js';
import { expect, test } from '../../lib/test.js';

test('a signature orders, and its slip proves itself', async ({ page, javaScriptEnabled }, info) => {
  const msisdn = numberOf('signature', info.project.name);
  await signInByCode(page, msisdn);
  const known = await countSms(page, msisdn);
  await page.goto(`/me/order/${addon.scheme_id}`);
  await page.locator('form[action="/api/order"] button').click();
  const sms = await nextSms(page, msisdn, known);

  const drawn = page.locator('.sign').filter({ has: page.locator('.sign-field') });
  const named = page.locator('form[action="/api/consent_name"]');
  if (javaScriptEnabled === false) {
    await expect(drawn).toBeHidden();
    await named.locator('input[name=code]').fill(sms.code);
    await named.locator('input[name=name]').fill('不是本人');
    await named.locator('button:not([form])').click();
    await expect(page.locator('main')).toContainText('名字和登记的不一样');
    await named.locator('input[name=code]').fill(sms.code);
    await named.locator('input[name=name]').fill(registeredName);
    await named.locator('button:not([form])').click();
  } else {
    await expect(drawn).toBeVisible();
    await sign(page, drawn.locator('.sign-field'));
    await drawn.locator('button[data-sign=clear]').click();
    await expect(drawn.locator('path')).toHaveAttribute('d', '');
    await sign(page, drawn.locator('.sign-field'));
    const confirm = drawn.locator('button[formaction="/api/consent_signature"]');
    const code = page.locator('form[action="/api/consent_code"] input[name=code]');
    await confirm.click();
    expect(await code.evaluate((field) => field.validity.valueMissing), 'not without the code').toBe(true);
    await expect(page).toHaveURL(new RegExp(`/me/order/${addon.scheme_id}`));
    await code.fill(sms.code);
    await confirm.click();
  }
  await expect(page).toHaveURL(/\/me\/addons\?ok=ordered/);

  await page.goto('/me/agreements');
  await page.locator('.entries > li').filter({ hasText: addon.name }).getByRole('link', { name: '看凭证' }).click();
  await expect(page.locator('svg.signature')).toHaveCount(javaScriptEnabled === false ? 0 : 1);
  const key = (await (await page.request.get('/evidence-key')).text()).split('\n')[0];
  for (const ending of ['slip.pdf', 'evidence.json']) {
    const waiting = page.waitForEvent('download');
    await page.locator(`a[href$="/${ending}"]`).click();
    const file = await (await waiting).path();
    const said = await run('evidence', 'verify', '--key', key, file);
    expect(said).toContain(msisdn);
    expect(said).toContain(addon.scheme_id);
    const bytes = await readFile(file);
    bytes[Math.floor(bytes.length / 2)] ^= 1;
    await writeFile(`${file}.changed`, bytes);
    await expect(run('evidence', 'verify', `${file}.changed`)).rejects.toThrow();
  }
});

/** Two lines with the mouse. */
async function sign(page, field) {
  // The mouse reaches only what is on the screen.
  await field.scrollIntoViewIfNeeded();
  const box = await field.boundingBox();
  for (const [from, to] of [[[0.1, 0.2], [0.4, 0.8]], [[0.5, 0.3], [0.9, 0.6]]]) {
    await page.mouse.move(box.x + box.width * from[0], box.y + box.height * from[1]);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * to[0], box.y + box.height * to[1], { steps: 12 });
    await page.mouse.up();
  }
  await expect(field.locator('path')).toHaveAttribute('d', /M\d+ \d+(L\d+ \d+)+M\d+ \d+(L\d+ \d+)+/);
}
