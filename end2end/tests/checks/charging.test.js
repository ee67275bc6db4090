import { GIB, MIB, numberOf } from '../../lib/fixture.js';
import { byHttp1, byHttp2 } from '../../lib/network.js';
import { validatorOf } from '../../lib/openapi.js';
import { expect, test } from '../../lib/test.js';

const base = '/nchf-convergedcharging/v3/chargingdata';
const create = 'post /chargingdata';
const update = 'post /chargingdata/{ChargingDataRef}/update';
const release = 'post /chargingdata/{ChargingDataRef}/release';

/** What the plan includes and what the cap of 5 yuan pays for beyond it: 1 GB at 3.00, and 66 MB at 0.03. */
const allowed = GIB + GIB + 66 * MIB;

/** A session manager whose every message is held against the specification. */
class Session {
  sequence = 0;

  constructor(send, check, msisdn, chargingId) {
    Object.assign(this, { send, check, msisdn, chargingId });
  }

  message(multipleUnitUsage) {
    return {
      nfConsumerIdentification: { nodeFunctionality: 'SMF', nFName: '5e9cbd4a-2c21-4b3f-9d0c-6a1d2b7f3a10' },
      invocationTimeStamp: new Date().toISOString(),
      invocationSequenceNumber: this.sequence++,
      notifyUri: 'http://127.0.0.1:9/notify',
      multipleUnitUsage,
      pDUSessionChargingInformation: {
        chargingId: this.chargingId,
        userInformation: { servedGPSI: `msisdn-86${this.msisdn}` },
        pduSessionInformation: { pduSessionID: 5, dnnId: 'cmnet', ratType: 'NR', pduType: 'IPV4' },
      },
    };
  }

  async ask(operation, path, message) {
    expect(this.check.request(operation, message)).toEqual([]);
    const answer = await this.send(path, message);
    if (answer.body) expect(this.check.response(operation, answer.status, answer.body)).toEqual([]);
    return answer;
  }

  async create(units) {
    this.created = this.message(units);
    const answer = await this.ask(create, base, this.created);
    this.path = new URL(answer.headers.get('location')).pathname;
    return answer;
  }

  update(units) {
    return this.ask(update, `${this.path}/update`, this.message(units));
  }

  release(units) {
    return this.ask(release, `${this.path}/release`, this.message(units));
  }
}

const check = () => validatorOf('TS32291_Nchf_ConvergedCharging.yaml');

function used(octets, number) {
  const now = new Date().toISOString();
  return {
    localSequenceNumber: number,
    totalVolume: octets,
    triggers: [{ triggerType: 'QUOTA_EXHAUSTED', triggerCategory: 'IMMEDIATE_REPORT' }],
    pDUContainerInformation: { timeofFirstUsage: now, timeofLastUsage: now, rATType: 'NR' },
  };
}

for (const [name, send] of [
  ['HTTP/1.1', byHttp1],
  ['HTTP/2', byHttp2],
]) {
  test(`a session is charged by ${name} up to the cap, every message as TS 32.291 says`, async () => {
    const msisdn = numberOf(name === 'HTTP/2' ? 'charging2' : 'charging1', 'checks');
    const session = new Session(send, await check(), msisdn, 4711);
    let answer = await session.create([{ ratingGroup: 1000, requestedUnit: { totalVolume: 200 * MIB } }]);
    expect(answer.status).toBe(201);
    expect(answer.body.multipleUnitInformation[0]).toMatchObject({
      resultCode: 'SUCCESS',
      ratingGroup: 1000,
      grantedUnit: { totalVolume: 200 * MIB },
      validityTime: 600,
      quotaHoldingTime: 120,
      volumeQuotaThreshold: 40 * MIB,
    });
    let total = 0;
    for (let number = 1; answer.body.multipleUnitInformation[0].grantedUnit; number += 1) {
      const granted = answer.body.multipleUnitInformation[0].grantedUnit.totalVolume;
      total += granted;
      const message = session.message([
        { ratingGroup: 1000, requestedUnit: {}, usedUnitContainer: [used(granted, number)] },
      ]);
      answer = await session.ask(update, `${session.path}/update`, message);
      expect(answer.status).toBe(200);
      const again = await session.ask(update, `${session.path}/update`, { ...message, retransmissionIndicator: true });
      expect(again.body.multipleUnitInformation).toEqual(answer.body.multipleUnitInformation);
    }
    expect(total).toBe(allowed);
    const [last] = answer.body.multipleUnitInformation;
    expect(last.resultCode).toBe('QUOTA_LIMIT_REACHED');
    expect(last.finalUnitIndication.finalUnitAction).toBe('REDIRECT');
    expect(last.finalUnitIndication.redirectServer).toEqual({
      redirectAddressType: 'URL',
      redirectServerAddress: `${process.env.END2END_URL}/me/cap`,
    });
    const end = await session.release([{ ratingGroup: 1000, usedUnitContainer: [] }]);
    expect([end.status, end.body]).toEqual([204, '']);
    const begun = await send(base, { ...session.created, retransmissionIndicator: true });
    expect(new URL(begun.headers.get('location')).pathname).toBe(session.path);
    expect((await session.update([{ ratingGroup: 1000, requestedUnit: {} }])).status).toBe(404);
  });
}

test('what is wrong with a charging request is told as ProblemDetails', async () => {
  const api = await check();
  const session = new Session(byHttp1, api, '13999999999', 1);
  const sound = session.message([{ ratingGroup: 1, requestedUnit: {} }]);
  const { invocationSequenceNumber, ...unnumbered } = sound;
  const cases = [
    [base, sound, 404, 'USER_UNKNOWN'],
    [base, unnumbered, 400, 'MANDATORY_IE_MISSING'],
    [base, { ...sound, multipleUnitUsage: [{ ratingGroup: -1 }] }, 400, 'MANDATORY_IE_INCORRECT'],
    [base, { ...sound, invocationTimeStamp: 'yesterday' }, 400, 'MANDATORY_IE_INCORRECT'],
    [base, { ...sound, pDUSessionChargingInformation: undefined }, 400, 'MANDATORY_IE_MISSING'],
    [`${base}/nothing/update`, sound, 404, 'CONTEXT_NOT_FOUND'],
    [`${base}/1-${'0'.repeat(32)}/release`, sound, 404, 'CONTEXT_NOT_FOUND'],
  ];
  for (const [path, body, status, cause] of cases) {
    const answer = await byHttp1(path, body);
    expect([answer.status, answer.body.cause], path).toEqual([status, cause]);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    const operation = path === base ? create : path.endsWith('update') ? update : release;
    expect(api.response(operation, status, answer.body)).toEqual([]);
  }
  const missing = await byHttp1(base, { ...sound, multipleUnitUsage: [{ ratingGroup: 1, usedUnitContainer: [{}] }] });
  expect(missing.body.invalidParams[0].param).toBe('/multipleUnitUsage/0/usedUnitContainer/0');
  const text = await byHttp1(base, sound, { 'content-type': 'text/plain' });
  expect(text.status).toBe(415);
});
