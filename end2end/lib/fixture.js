// Tariffs and subscribers of our own, so that every amount that a story expects can be worked out by hand.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { run } from './server.js';

export const MIB = 1024 * 1024;
export const GIB = 1024 * MIB;

export const plan = { scheme_id: '26MB990001', name: '端到端套餐 59' };
export const addon = { scheme_id: '26MB990002', name: '端到端加油包 10' };

/** Who lives through which story; with scripts and without each has its own number. */
const stories = [
  'journey',
  'rateLimit',
  'codeSignIn',
  'charging1',
  'charging2',
  'spendingLimit1',
  'spendingLimit2',
  'signature',
  'payment',
  'dispute',
  'tariffDraft',
  'channel',
  'familyHolder',
  'familyMember',
];
const projects = ['scripts on', 'scripts off', 'checks'];

export function numberOf(story, project) {
  const index = stories.indexOf(story) * projects.length + projects.indexOf(project);
  return `199000${String(index + 1).padStart(5, '0')}`;
}

/** The cap of our subscribers, in yuan, and what it allows: 1 GB at 3.00 and 66 MB at 0.03. */
export const cap = '5.00';
export const capAllows = '4.98';

/** Midnight in Shanghai on the first day of the month `back` months ago. */
export function monthStart(back = 0) {
  const local = new Date(Date.now() + 8 * 3600_000);
  return new Date(Date.UTC(local.getUTCFullYear(), local.getUTCMonth() - back, 1) - 8 * 3600_000);
}

/** `2026-10`, the month `back` months ago. */
export function monthName(back = 0) {
  return localDay(monthStart(back)).slice(0, 7);
}

/** The day in Shanghai, `2026-10-03`. */
export function localDay(at) {
  return new Date(at.getTime() + 8 * 3600_000).toISOString().slice(0, 10);
}

const elements = {
  audience: '端到端测试的用户',
  regions: ['全国'],
  channels: ['网上营业厅'],
  on_sale_from: '2020-01-01',
  on_sale_until: '2199-12-31',
  validity: '订购后一直有效，到退订为止。',
  commitment: '没有在网要求。',
  cancel: '网上营业厅一键退订，当月月底生效。',
  penalty: '没有违约金。',
  restrictions: ['只在中国内地使用'],
  notes: '',
};

export function tariffs() {
  return {
    format: 'mingbai-tariffs/1',
    tariffs: [
      {
        ...elements,
        ...plan,
        kind: 'plan',
        terms: {
          recurring: { price: '59.00', first_month: 'daily' },
          one_off: '0.00',
          cancel_effective: 'month_end',
          allowances: [
            { service: 'data', quantity: '1GB' },
            { service: 'voice', quantity: '100min' },
            { service: 'sms', quantity: '10' },
          ],
          overage: [
            { service: 'data', model: 'ladder', price: '0.03', unit: '1MB', block_price: '3.00', block: '1GB' },
            { service: 'voice', model: 'unit', price: '0.15', unit: '1min' },
            { service: 'sms', model: 'unit', price: '0.10', unit: '1' },
          ],
        },
      },
      {
        ...elements,
        ...addon,
        kind: 'addon',
        terms: {
          recurring: { price: '10.00', first_month: 'daily' },
          one_off: '0.00',
          cancel_effective: 'month_end',
          allowances: [{ service: 'data', quantity: '512MB' }],
          overage: [],
        },
      },
    ],
  };
}

/** The registered name of our subscribers. */
export const registeredName = '端小到';

export function subscriber(msisdn) {
  const since = localDay(monthStart(3));
  const consent = { method: 'signature', reference: `slip ${msisdn}`, agreed_at: `${since}T09:00:00+08:00` };
  return {
    msisdn,
    name: registeredName,
    region: '北京',
    cap,
    subscriptions: [{ scheme_id: plan.scheme_id, since, consent }],
  };
}

/** Writes a file of one JSON value a line, and returns its name. */
export async function ndjson(name, rows) {
  const file = path.join(process.env.END2END_DATA_DIR, name);
  await writeFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return file;
}

/**
 * The bill of last month of whoever lives through the journey: what was used then, and a message of the month before that
 * came after its bill.
 */
export const lastBill = {
  total: '63.00',
  lines: [
    { amount: '59.00', arithmetic: '整月的月费：59.00 元', records: 0 },
    { amount: '3.00', arithmetic: '1 × 3.00 元 = 3.00 元', records: 1 },
    { amount: '0.30', arithmetic: '2 × 0.15 元 = 0.30 元', records: 1 },
    { amount: '0.20', arithmetic: '2 × 0.10 元 = 0.20 元', records: 1 },
    { amount: '0.50', arithmetic: '套餐外短信：1 笔，5 条', records: 1 },
  ],
};

function usageBefore(msisdn) {
  const day = (back, number) => new Date(monthStart(back).getTime() + (number - 1) * 24 * 3600_000 + 10 * 3600_000);
  return [
    usage(msisdn, 'data', GIB, day(1, 5)),
    usage(msisdn, 'data', GIB, day(1, 12)),
    usage(msisdn, 'voice', 102 * 60, day(1, 13)),
    usage(msisdn, 'sms', 12, day(1, 14)),
    usage(msisdn, 'sms', 15, day(2, 20)),
  ];
}

/** Imports what the stories need, and lets the months before the last one be billed. Throws unless all is accepted. */
export async function prepare(dataDir) {
  const tariffFile = path.join(dataDir, 'end2end-tariffs.json');
  await writeFile(tariffFile, JSON.stringify(tariffs()));
  accepted(await run('tariffs', 'import', tariffFile), 2);
  const people = stories.flatMap((story) => projects.map((project) => subscriber(numberOf(story, project))));
  accepted(await run('subscribers', 'import', await ndjson('end2end-subscribers.ndjson', people)), people.length);
  for (const back of [3, 2]) await run('bills', 'run', '--month', monthName(back));
  const used = projects.flatMap((project) => usageBefore(numberOf('journey', project)));
  accepted(await run('usage', 'ingest', await ndjson('end2end-usage.ndjson', used)), used.length);
}

/** A number of the demo and its service password, as the sign-in page shows them to everyone. */
export async function demoPassword(page) {
  const shown = page.locator('section').filter({ has: page.locator('table.numbers') });
  const msisdn = await shown.locator('td').first().innerText();
  const [password] = /\d{6}/.exec(await shown.locator('p').first().innerText());
  return { msisdn, password };
}

/** Checks the closing line of an import. */
export function accepted(output, count) {
  const expected = `read ${count}, accepted ${count}, unchanged 0, rejected 0`;
  if (!output.includes(expected)) throw new Error(`expected "${expected}", the command said: ${output}`);
}

let records = 0;

/** A usage record of a subscriber. */
export function usage(msisdn, service, quantity, startedAt) {
  records += 1;
  const id = `end2end-${msisdn}-${startedAt.getTime()}-${records}`;
  return { id, msisdn, service, quantity, started_at: startedAt.toISOString() };
}
