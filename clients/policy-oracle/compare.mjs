// Random policies and requests, judged by crates/access and by an independent evaluator; no verdict may differ unexplained.
//
// node compare.mjs [SEED] [COUNT] [FIRST]: cases come from `cargo run --package access --example policy_cases`, the oracle
// is the npm package @cloud-copilot/iam-simulate, run as a program beside ours and no part of the product. A difference is
// explained by the kept list (kept.mjs) or printed with the command that repeats it.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { runSimulation } from '@cloud-copilot/iam-simulate'
import { kept } from './kept.mjs'

const [seed, count, first] = [process.argv[2] ?? '1', Number(process.argv[3] ?? 4000), Number(process.argv[4] ?? 0)]

/** With fewer cases an entry of the kept list may by chance have nothing to explain. */
const FULL_RUN = 20000
const SHOWN_MAX = 10

const verdicts = {}
const explained = new Map(kept.map(({ name }) => [name, 0]))
let [agreed, differing, faults] = [0, 0, 0]

async function judge(simulation) {
  const answer = await runSimulation(simulation, {})
  if (answer.resultType === 'error') throw new Error(JSON.stringify(answer.errors))
  const ignored = answer.resultType === 'single' ? (answer.result.ignoredContextKeys ?? []) : []
  if (ignored.length > 0) throw new Error(`keys that the oracle did not look at: ${ignored.join(' ')}`)
  return answer.overallResult
}

/** The oracle's verdict with some entries' rewriting, or nothing if none of them has a say. */
async function rewritten(ours, entries) {
  const simulation = structuredClone(ours.simulation)
  const used = entries.filter(({ rewrite }) => rewrite(simulation, ours))
  return used.length === 0 ? undefined : { verdict: await judge(simulation), used }
}

/** The entries that explain a difference: one alone if that is enough, else all that have a say. */
async function explain(ours) {
  for (const entries of [...kept.map((entry) => [entry]), kept]) {
    const again = await rewritten(ours, entries)
    if (again?.verdict === ours.verdict) return again.used
  }
  return undefined
}

async function compare(line) {
  const ours = JSON.parse(line)
  const verdict = await judge(ours.simulation)
  verdicts[ours.verdict] = (verdicts[ours.verdict] ?? 0) + 1
  if (verdict === ours.verdict) return void agreed++
  const reasons = await explain(ours)
  if (reasons) return reasons.forEach(({ name }) => explained.set(name, explained.get(name) + 1))
  if (++differing <= SHOWN_MAX) {
    console.log(`not ok case ${ours.case}: ours ${ours.verdict} by ${JSON.stringify(ours.because)}, theirs ${verdict}`)
    console.log(`  repeat: node compare.mjs ${seed} 1 ${ours.case}\n  ${JSON.stringify(ours.simulation)}`)
  }
}

const words = ['run', '--quiet', '--package', 'access', '--example', 'policy_cases', '--', seed, String(first), String(count)]
const cases = spawn('cargo', words, { stdio: ['ignore', 'pipe', 'inherit'] })
const ended = new Promise((resolve) => cases.on('close', resolve))
let seen = 0
for await (const line of createInterface({ input: cases.stdout })) {
  seen++
  try {
    await compare(line)
  } catch (fault) {
    if (++faults <= SHOWN_MAX) console.log(`not ok case ${first + seen - 1}: ${fault.message}`)
  }
}
const code = await ended
if (code !== 0 || seen !== count) {
  console.log(`not ok: ${seen} cases of ${count}, the program that makes them ended with ${code}`)
  faults++
}
for (const [name, times] of explained) {
  console.log(`kept: ${times} × ${name}`)
  if (times === 0 && count >= FULL_RUN) {
    console.log(`not ok: nothing to explain any more: ${name}`)
    faults++
  }
}
console.log(`${seen} cases of seed ${seed}: ${JSON.stringify(verdicts)}, ${agreed} agreed at once`)
console.log(`${seen - differing - faults} passed, ${differing + faults} failed`)
process.exitCode = differing + faults > 0 ? 1 : 0
