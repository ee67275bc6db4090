import { numberOf } from '../../lib/fixture.js';
import { serve } from '../../lib/server.js';
import { expect, test } from '../../lib/test.js';

test.use({ expectsMissing: true });

test('without --demo there is no simulated phone and no known password', async ({ page }) => {
  const server = await serve(process.env.END2END_DATA_DIR);
  try {
    const answer = await page.goto(`${server.url}/demo/handset/${numberOf('journey', 'checks')}`);
    expect(answer.status()).toBe(404);
    const reply = await fetch(`${server.url}/api/demo_reply`, {
      method: 'POST',
      headers: { origin: server.url, 'content-type': 'application/x-www-form-urlencoded' },
      body: 'msisdn=19900000001&message_id=1&text=0000',
      redirect: 'manual',
    });
    expect(reply.status).toBe(404);
    await page.goto(`${server.url}/login`);
    await expect(page.locator('main')).not.toContainText('264813');
    await expect(page.locator('a[href^="/demo/"]')).toHaveCount(0);
  } finally {
    await server.stop();
  }
});
