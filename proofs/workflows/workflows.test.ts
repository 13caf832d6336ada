/** The workflows: sound, with as few rights as will do, and what they would run on GitHub, run here. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: GitHub's expressions look like that
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compileFunction } from 'node:vm';
import { parse } from 'yaml';
import { repositoryRoot } from '../../local/paths';
import { startApp } from '../../test/harness/app';
import { closeAtEnd } from '../../test/harness/close-at-end';
import { type Job, jobsThatRun, lintWorkflow } from './github-actions';

interface Step {
  readonly id?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Record<string, string>;
  readonly env?: Record<string, string>;
}

interface WorkflowJob extends Job {
  readonly 'timeout-minutes'?: number;
  readonly environment?: string;
  readonly env?: Record<string, string>;
  readonly permissions?: Record<string, string>;
  readonly strategy?: { matrix: { node: number[] } };
  readonly steps: Step[];
}

interface Workflow {
  readonly permissions: Record<string, string>;
  readonly concurrency: Record<string, unknown>;
  readonly jobs: Record<string, WorkflowJob>;
}

/** The majors that exist and that we know; Dependabot proposes others. */
const knownActions = [
  'actions/checkout@v7',
  'actions/download-artifact@v8',
  'actions/github-script@v9',
  'actions/setup-node@v7',
  'actions/upload-artifact@v7',
  'azure/login@v3',
  'Azure/functions-action@v1',
];

const read = (file: string) => readFileSync(path.join(repositoryRoot, file), 'utf8');
const manifest = JSON.parse(read('package.json'));
const files = readdirSync(path.join(repositoryRoot, '.github/workflows'));
const texts = new Map(files.map((file) => [file, read(`.github/workflows/${file}`)]));
const workflows = new Map([...texts].map(([file, text]) => [file, parse(text) as Workflow]));
const ci = workflows.get('ci.yml') as Workflow;
const deploy = workflows.get('deploy.yml') as Workflow;
const jobs = [...workflows].flatMap(([file, workflow]) =>
  Object.entries(workflow.jobs).map(([name, job]) => ({ name: `${file}: ${name}`, ...job })),
);
const steps = jobs.flatMap((job) => job.steps);

it.each([...texts])('%s: GitHub finds no fault in it', async (_, text) => {
  expect(await lintWorkflow(text)).toEqual([]);
});

it.each([
  ['a key that does not exist', 'timeout-minutes: 15', 'timeout: 15', "Unexpected value 'timeout'"],
  ['a job that does not exist', 'needs: build', 'needs: bild', "Value 'bild' is not valid"],
  ['an expression that does not parse', "vars.AZURE_CLIENT_ID != ''", 'vars.AZURE_CLIENT_ID !=', 'Unexpected symbol'],
  ['a context that conditions do not have', 'if: inputs.rollback', 'if: secrets.ROLLBACK', "named-value: 'secrets'"],
  ['an output that no step has', 'steps.app.outputs.name', 'steps.ap.outputs.name', 'might be invalid: ap'],
])('GitHub would find %s', async (_, from, to, fault) => {
  const broken = texts.get('deploy.yml')?.replaceAll(from, to) ?? '';
  expect((await lintWorkflow(broken)).join('\n')).toContain(fault);
});

it('every job may only read, except for the token with which it logs in to Azure', () => {
  for (const { permissions } of workflows.values()) expect([{}, { contents: 'read' }]).toContainEqual(permissions);
  for (const { name, permissions = {}, steps } of jobs) {
    const logsIn = steps.some(({ uses }) => uses?.startsWith('azure/login@'));
    const { 'id-token': token, ...others } = permissions;
    expect({ name, token }).toEqual({ name, token: logsIn ? 'write' : undefined });
    expect(Object.values(others).filter((right) => right !== 'read')).toEqual([]);
  }
});

it('every action is a known one in a known major', () => {
  expect([...new Set(steps.flatMap(({ uses }) => uses ?? []))].sort()).toEqual([...knownActions].sort());
});

it('no script is pasted together: what comes from outside comes by the environment', () => {
  const scripts = steps.flatMap(({ run, with: inputs }) => [run ?? [], inputs?.['script'] ?? []].flat());
  expect(scripts.length).toBeGreaterThan(10);
  expect(scripts.filter((script) => script.includes('${{'))).toEqual([]);
});

it('the code that runs is the code that was checked out, and nobody can use the token that fetched it', () => {
  const checkouts = steps.filter(({ uses }) => uses?.startsWith('actions/checkout@'));
  for (const { with: inputs } of checkouts) expect(inputs).toEqual({ 'persist-credentials': false });
  for (const text of texts.values()) expect(text).not.toContain('pull_request_target');
});

it('every job ends by itself', () => {
  expect(jobs.filter((job) => !(Number(job['timeout-minutes']) <= 30)).map(({ name }) => name)).toEqual([]);
});

it('a deployment is not broken off by the next one', () => {
  expect(Object.keys(deploy.concurrency)).toEqual(['group']);
});

it('asks of the Functions action nothing that Flex Consumption does not take', () => {
  const inputs = steps.filter(({ uses }) => uses?.startsWith('Azure/functions-action@')).map((step) => step.with);
  expect(inputs.map((one) => Object.keys(one ?? {}))).toEqual([['app-name', 'package']]);
});

it('runs only scripts that exist', () => {
  const run = steps.flatMap((step) => [...(step.run ?? '').matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name));
  expect(run).toContain('build');
  expect(Object.keys(manifest.scripts)).toEqual(expect.arrayContaining(run));
});

describe('versions', () => {
  it('Node: .nvmrc names the deployed one, CI tests it, and the package allows what CI tests', () => {
    const deployed = read('.nvmrc').trim();
    const tested = ci.jobs['test']?.strategy?.matrix.node.map(String) ?? [];
    expect(tested).toContain(deployed);
    expect(manifest.engines.node.split(' || ')).toEqual(expect.arrayContaining(tested));
    const setups = jobs.flatMap(({ name, steps }) =>
      steps
        .filter(({ uses }) => uses?.startsWith('actions/setup-node@'))
        .map((step) => [name, step.with ?? {}] as const),
    );
    for (const [name, inputs] of setups) {
      if (name === 'ci.yml: test') expect(inputs['node-version']).toBe('${{ matrix.node }}');
      else expect([inputs['node-version'], inputs['node-version-file']]).toEqual([undefined, '.nvmrc']);
    }
  });

  it('Bicep: every job that uses it installs the one that package.json names', () => {
    expect(manifest.config.bicepVersion).toMatch(/^\d+\.\d+\.\d+$/);
    const install = 'az bicep install --version "v$(jq -r .config.bicepVersion package.json)"';
    const users = jobs.filter(({ steps }) => steps.some(({ run }) => /az deployment|infra:check/.test(run ?? '')));
    expect(users.map(({ name }) => name)).toEqual(['ci.yml: infra', 'deploy.yml: what-if', 'deploy.yml: provision']);
    for (const { steps } of users) expect(steps.map(({ run }) => run)).toContain(install);
  });
});

it('Bicep gets each variable that its parameters read, and no other', () => {
  const parameters = read('infra/main.bicepparam').matchAll(/readEnvironmentVariable\('([^']+)'/g);
  const wanted = [...new Set([...parameters].map(([, name = '']) => name))];
  const users = steps.filter(({ run }) => run?.includes('main.bicepparam'));
  expect(users).toHaveLength(2);
  for (const { env } of users) {
    expect(env).toEqual(Object.fromEntries(wanted.map((name) => [name, `\${{ vars.${name} }}`])));
  }
});

describe('which jobs run', () => {
  const vars = { AZURE_CLIENT_ID: 'id', AZURE_WHAT_IF_CLIENT_ID: 'id' };
  const push = { github: { event_name: 'push', ref: 'refs/heads/main', repository: 'us/app' }, inputs: {}, vars };
  const dispatch = (rollback: string, branch = 'main') => ({
    github: { event_name: 'workflow_dispatch', ref: `refs/heads/${branch}`, repository: 'us/app' },
    inputs: { environment: 'production', rollback },
    vars,
  });
  const pullRequest = (from: string) => ({
    github: {
      event_name: 'pull_request',
      ref: 'refs/pull/1/merge',
      repository: 'us/app',
      event: { pull_request: { head: { repo: { full_name: from } } } },
    },
    inputs: {},
    vars,
  });
  const all = ['build', 'provision', 'deploy', 'smoke'];

  it.each<[string, object, string | undefined, string[]]>([
    ['a push', push, undefined, all],
    ['a dispatch', dispatch(''), undefined, all],
    ['a push where the tests fail', push, 'build', ['build']],
    ['a push where Bicep fails', push, 'provision', ['build', 'provision']],
    ['a push where the upload fails', push, 'deploy', ['build', 'provision', 'deploy']],
    ['a roll-back', dispatch('true'), undefined, ['previous', 'deploy', 'smoke']],
    ['a roll-back to a run', dispatch('42'), undefined, ['previous', 'deploy', 'smoke']],
    ['a roll-back to nothing', dispatch('true'), 'previous', ['previous']],
    ["another branch's dispatch", dispatch('', 'mine'), undefined, []],
    ["another branch's roll-back", dispatch('true', 'mine'), undefined, []],
    ['a pull request', pullRequest('us/app'), undefined, ['what-if']],
    ["a fork's pull request", pullRequest('them/app'), undefined, []],
    ['a push to a repository without Azure', { ...push, vars: {} }, undefined, []],
    ['a pull request in a repository without Azure', { ...pullRequest('us/app'), vars: {} }, undefined, []],
    ['a roll-back in a repository without Azure', { ...dispatch('true'), vars: {} }, undefined, []],
  ])('on %s', (_, contexts, failing, expected) => {
    expect(jobsThatRun(deploy.jobs, contexts, failing)).toEqual(expected);
  });

  it("none of a pull request's is in an environment", () => {
    expect(Object.entries(deploy.jobs).flatMap(([name, { environment }]) => (environment ? [name] : []))).toEqual([
      'provision',
      'deploy',
    ]);
  });
});

describe('what a roll-back goes back to', () => {
  it('is what each deployment keeps, before it changes anything', () => {
    const { deploy: job, previous } = deploy.jobs;
    expect(job?.env?.['KEPT']).toBe("deployed-${{ inputs.environment || 'production' }}");
    expect(previous?.steps[0]?.env?.['NAME']).toBe('deployed-${{ inputs.environment }}');
    const [keeps, deploys] = job?.steps.slice(-2) ?? [];
    expect([keeps?.with, deploys?.uses]).toMatchObject([
      { name: '${{ env.KEPT }}', path: 'package' },
      knownActions.at(-1),
    ]);
    expect(deploys?.with?.['package']).toBe('package');
  });

  /** Oldest first: the run's id, how it ended, and what else is not as usual. */
  type Deployment = [
    id: number,
    conclusion: 'success' | 'failure',
    unusual?: Partial<Artifact> & { rollBack?: boolean },
  ];
  interface Artifact {
    expired: boolean;
    head_branch: string;
    head_repository_id: number;
  }

  async function find(deployments: Deployment[], backTo = 'true') {
    const asked: unknown[] = [];
    const artifacts = deployments.map(
      ([id, , { expired = false, head_branch = 'main', head_repository_id = 1 } = {}], at) => ({
        expired,
        created_at: `2026-11-${10 + at}T00:00:00Z`,
        workflow_run: { id, head_branch, head_repository_id, repository_id: 1 },
      }),
    );
    const getWorkflowRun = async ({ run_id }: { run_id: number }) => {
      const [id, conclusion, unusual] = deployments.find(([one]) => one === run_id) ?? [];
      const [event, display_title] = unusual?.rollBack ? ['workflow_dispatch', 'Roll back'] : ['push', 'Roll back'];
      return { data: { id, conclusion, event, display_title } };
    };
    const listArtifactsForRepo = async (query: unknown) => {
      asked.push(query);
      return { data: { artifacts } };
    };
    const outcome: { run?: number; failed?: string } = {};
    const core = {
      info: () => {},
      setOutput: (_: 'run', run: number) => Object.assign(outcome, { run }),
      setFailed: (failed: string) => Object.assign(outcome, { failed }),
    };
    const script = deploy.jobs['previous']?.steps[0]?.with?.['script'] ?? '';
    await compileFunction(`return (async () => { ${script} })()`, ['github', 'context', 'core', 'process'])(
      { rest: { actions: { listArtifactsForRepo, getWorkflowRun } } },
      { repo: { owner: 'us', repo: 'app' } },
      core,
      { env: { NAME: 'deployed-production', BACK_TO: backTo } },
    );
    expect(asked).toMatchObject([{ owner: 'us', repo: 'app', name: 'deployed-production' }]);
    return outcome.run ?? outcome.failed;
  }

  it.each<[string, Deployment[], number]>([
    [
      'the one before, when the newest passed',
      [
        [1, 'success'],
        [2, 'success'],
      ],
      1,
    ],
    [
      'the last that passed, when the newest did not',
      [
        [1, 'success'],
        [2, 'success'],
        [3, 'failure'],
      ],
      2,
    ],
    [
      'no other that failed',
      [
        [1, 'success'],
        [2, 'failure'],
        [3, 'success'],
      ],
      1,
    ],
    [
      'a roll-back, if that ran before',
      [
        [1, 'success'],
        [2, 'success'],
        [3, 'success', { rollBack: true }],
        [4, 'success'],
      ],
      3,
    ],
    [
      'the one before, when the newest is an old run that was run again',
      [
        [1, 'success'],
        [2, 'success'],
        [1, 'success'],
      ],
      2,
    ],
    [
      'none whose package is gone',
      [
        [1, 'success'],
        [2, 'success', { expired: true }],
        [3, 'success'],
      ],
      1,
    ],
    [
      'none of a fork',
      [
        [1, 'success'],
        [2, 'success', { head_repository_id: 2 }],
        [3, 'success'],
      ],
      1,
    ],
    [
      'none of another branch',
      [
        [1, 'success'],
        [2, 'success', { head_branch: 'mine' }],
        [3, 'success'],
      ],
      1,
    ],
  ])('%s', async (_, deployments, expected) => {
    expect(await find(deployments)).toBe(expected);
  });

  it('the named run, right after a roll-back: only then is "before" not clear', async () => {
    const deployments: Deployment[] = [
      [1, 'success'],
      [2, 'success'],
      [3, 'success'],
      [4, 'success', { rollBack: true }],
    ];
    expect(await find(deployments)).toContain('choose a run');
    expect(await find(deployments, '1')).toBe(1);
  });

  it('nothing, if there is none', async () => {
    expect(await find([])).toContain('No such deployment');
    expect(await find([[1, 'success']])).toContain('No such deployment');
    expect(
      await find(
        [
          [1, 'failure'],
          [2, 'success'],
        ],
        '1',
      ),
    ).toContain('No such deployment');
    expect(
      await find(
        [
          [1, 'success'],
          [2, 'success'],
        ],
        '3',
      ),
    ).toContain('No such deployment');
  });
});

/** As GitHub runs it: with `bash -e`. */
async function runStep(
  script: string | undefined,
  env: Record<string, string>,
): Promise<{ code: number; output: string }> {
  const child = execFile('bash', ['--norc', '-e', '-c', script ?? 'exit 99'], {
    env: { PATH: process.env['PATH'], ...env },
  });
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  child.stderr?.on('data', (chunk) => (output += chunk));
  const [code] = await once(child, 'close');
  return { code, output };
}

describe('the smoke test', () => {
  const smoke = (url: string) => runStep(deploy.jobs['smoke']?.steps[0]?.run, { URL: url, PAUSE_SECONDS: '0' });

  it('passes on this app', async () => {
    const app = await startApp();
    expect(await smoke(app.host.url)).toEqual({ code: 0, output: 'health 200, whoami 401\n'.repeat(3) });
    await app.close();
  });

  it.each<[string, (round: number) => [health: number, whoami: number], code: number, rounds: number]>([
    ['passes when the app needs a while', (round) => (round < 5 ? [404, 404] : [200, 401]), 0, 8],
    ['starts to count anew when it stumbles', (round) => (round === 2 ? [503, 401] : [200, 401]), 0, 6],
    ['fails when the storage is out of reach', () => [503, 401], 1, 30],
    ['fails when whoami lets anybody in', () => [200, 200], 1, 30],
  ])('%s', async (_, answer, code, rounds) => {
    let round = -1;
    const server = closeAtEnd(
      createServer((request, response) => {
        if (request.url === '/api/health') round += 1;
        const [health, whoami] = answer(round);
        response.writeHead(request.url === '/api/health' ? health : whoami, { connection: 'close' }).end();
      }),
    );
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const result = await smoke(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.close();
    expect([result.code, round + 1]).toEqual([code, rounds]);
  });

  it('fails when nothing answers', async () => {
    expect(await smoke('http://127.0.0.1:1')).toMatchObject({ code: 1, output: /^(health 000, whoami 000\n){30}$/ });
  });
});

describe('the search for the app', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'card-backend-az-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  /** With an Azure CLI that knows three answers. */
  async function search(answers: { group: string; app: string; host: string }, name = 'production') {
    const output = path.join(directory, 'output');
    writeFileSync(output, '');
    const script = deploy.jobs['deploy']?.steps.find(({ id }) => id === 'app')?.run;
    const az = `az() { case "$1 $2" in 'group list') echo "${answers.group}" ;; 'resource list') echo "${answers.app}" ;; *) echo "${answers.host}" ;; esac; }`;
    const { code } = await runStep(`${az}\n${script}`, { GITHUB_OUTPUT: output, AZURE_ENV_NAME: name });
    return [code, readFileSync(output, 'utf8')];
  }
  const found = { group: 'rg', app: '/subscriptions/x/sites/func-1', host: 'func-1.example' };

  it('tells its name and its address', async () => {
    expect(await search(found)).toEqual([0, 'name=func-1\nurl=https://func-1.example\n']);
  });

  it.each([
    ['environment name', found, ''],
    ['group', { ...found, group: '' }, 'production'],
    ['app', { ...found, app: '' }, 'production'],
  ])('fails without %s, rather than take another', async (_, answers, name) => {
    const [code, output] = await search(answers, name);
    expect([code, output]).toEqual([expect.any(Number), '']);
    expect(code).not.toBe(0);
  });
});
