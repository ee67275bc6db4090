import { accepted, GIB, MIB, monthStart, ndjson, numberOf, usage } from '../../lib/fixture.js';
import { byHttp1, byHttp2, Peer } from '../../lib/network.js';
import { validatorOf } from '../../lib/openapi.js';
import { run } from '../../lib/server.js';
import { expect, test } from '../../lib/test.js';

const base = '/nchf-spendinglimitcontrol/v1/subscriptions';
const subscribe = 'post /subscriptions';
const modify = 'put /subscriptions/{subscriptionId}';
const unsubscribe = 'delete /subscriptions/{subscriptionId}';
const notify = 'post /statusNotification';

/** A try that failed is repeated after five seconds. */
const patience = { timeout: 20_000 };

const check = () => validatorOf('TS29594_Nchf_SpendingLimitControl.yaml');

/** The policy counter as messages show it. Any state but `ok` is over when the next month begins. */
function counter(status) {
  const cap = { policyCounterId: 'cap', currentStatus: status };
  const activationTime = monthStart(-1).toISOString().replace('.000Z', 'Z');
  if (status !== 'ok') cap.penPolCounterStatuses = [{ policyCounterStatus: 'ok', activationTime }];
  return { cap };
}

/** Lets a subscriber use data, and the cap be charged for it. */
async function use(msisdn, octets) {
  const record = usage(msisdn, 'data', octets, new Date());
  accepted(await run('usage', 'ingest', await ndjson(`used-${record.id}.ndjson`, [record])), 1);
}

for (const [name, send, version] of [
  ['HTTP/1.1', byHttp1, 1],
  ['HTTP/2', byHttp2, 2],
]) {
  test(`a policy function follows a cap by ${name}, every message as TS 29.594 says`, async () => {
    const api = await check();
    const msisdn = numberOf(version === 2 ? 'spendingLimit2' : 'spendingLimit1', 'checks');
    const peer = await new Peer(version).start();
    const context = {
      supi: 'imsi-460001234567890',
      gpsi: `msisdn-86${msisdn}`,
      notifUri: `${peer.url}/pcf/slc`,
      notifId: 'a1',
      policyCounterIds: ['cap'],
      supportedFeatures: '1',
      expiry: new Date(Math.floor(Date.now() / 1000) * 1000 + 3600_500).toISOString(),
    };
    const ask = async (operation, path, body, method) => {
      if (body) expect(api.request(operation, body)).toEqual([]);
      const answer = await send(path, body, {}, method);
      if (answer.body) expect(api.response(operation, answer.status, answer.body)).toEqual([]);
      return answer;
    };
    /** Waits for notifications, of which the last tells a status. */
    const told = async (count, status, notifId = 'a1') => {
      await expect.poll(() => peer.received.length, patience).toBe(count);
      const { path, method, headers, httpVersion, body } = peer.received.at(-1);
      expect([method, path, httpVersion]).toEqual(['POST', '/pcf/slc/notify', version === 2 ? '2.0' : '1.1']);
      expect(headers['content-type']).toBe('application/json');
      expect(api.request(notify, body)).toEqual([]);
      expect(body).toEqual({ supi: context.supi, notifId, statusInfos: counter(status) });
      return headers['idempotency-key'];
    };

    const made = await ask(subscribe, base, context);
    expect(made.status).toBe(201);
    const { supi, notifId, expiry } = context;
    expect(made.body).toEqual({ supi, notifId, statusInfos: counter('ok'), expiry, supportedFeatures: '1' });
    const location = new URL(made.headers.get('location'));
    expect(location.href.startsWith(`${process.env.END2END_URL}${base}/`)).toBe(true);
    const place = location.pathname;

    // 2.52 of 5.00 yuan.
    await use(msisdn, GIB + 84 * MIB);
    const first = await told(1, 'half');
    // 3.00: still the same state.
    await use(msisdn, GIB - 84 * MIB);
    // 4.02, and the function is not ready for it at first.
    peer.answers.push(503);
    await use(msisdn, 34 * MIB);
    const refused = await told(2, 'near');
    expect(refused).not.toBe(first);
    expect(await told(3, 'near')).toBe(refused);
    // 4.98, of which it hears once it is back.
    await peer.stop();
    await use(msisdn, 33 * MIB);
    await peer.start();
    await told(4, 'reached');

    const changed = await ask(modify, place, { notifId: 'b2' }, 'PUT');
    expect(changed.status).toBe(200);
    expect(changed.body).toEqual({ supi, notifId: 'b2', statusInfos: counter('reached'), expiry });
    const ended = await ask(unsubscribe, place, undefined, 'DELETE');
    expect([ended.status, ended.body]).toEqual([204, '']);
    for (const [operation, body, method] of [
      [unsubscribe, undefined, 'DELETE'],
      [modify, context, 'PUT'],
    ]) {
      const missing = await ask(operation, place, body, method);
      expect([missing.status, missing.body.cause]).toEqual([404, 'SUBSCRIPTION_NOT_FOUND']);
    }
    expect(peer.received.length).toBe(4);
    await peer.stop();
  });
}

test('what is wrong with a spending limit request is told as ProblemDetails', async () => {
  const api = await check();
  const sound = { gpsi: `msisdn-86${numberOf('spendingLimit1', 'checks')}`, notifUri: 'http://127.0.0.1:9/pcf' };
  const cases = [
    [{ gpsi: 'msisdn-8613999999999' }, 'USER_UNKNOWN', '/gpsi'],
    [{ gpsi: undefined, supi: 'imsi-460001234567890' }, 'USER_UNKNOWN', '/gpsi'],
    [{ gpsi: undefined }, 'MANDATORY_IE_MISSING', '/gpsi'],
    [{ notifUri: undefined }, 'MANDATORY_IE_MISSING', '/notifUri'],
    [{ notifUri: 'file:///etc/passwd' }, 'OPTIONAL_IE_INCORRECT', '/notifUri'],
    [{ notifUri: `http://127.0.0.1/${'a'.repeat(1024)}` }, 'OPTIONAL_IE_INCORRECT', '/notifUri'],
    [{ expiry: new Date(Date.now() - 1000).toISOString() }, 'OPTIONAL_IE_INCORRECT', '/expiry'],
    [{ expiry: 'tomorrow' }, 'MANDATORY_IE_INCORRECT', '/expiry'],
    [{ policyCounterIds: ['cap', 'credit'] }, 'UNKNOWN_POLICY_COUNTERS', '/policyCounterIds/1'],
    [{ policyCounterIds: 'cap' }, 'MANDATORY_IE_INCORRECT', '/policyCounterIds'],
  ];
  for (const [wrong, cause, param] of cases) {
    const answer = await byHttp1(base, { ...sound, ...wrong });
    expect([answer.status, answer.body.cause, answer.body.invalidParams[0].param], JSON.stringify(wrong)).toEqual([
      400,
      cause,
      param,
    ]);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(api.response(subscribe, 400, answer.body)).toEqual([]);
  }
  for (const reference of ['nothing', `1-${'0'.repeat(32)}`]) {
    const missing = await byHttp1(`${base}/${reference}`, sound, {}, 'PUT');
    expect([missing.status, missing.body.cause]).toEqual([404, 'SUBSCRIPTION_NOT_FOUND']);
    expect(api.response(modify, 404, missing.body)).toEqual([]);
  }
  const text = await byHttp1(base, sound, { 'content-type': 'text/plain' });
  expect(text.status).toBe(415);
});
