// Builds the documents as a site that can be searched: npm run docs [-- --serve] [-- --base /PATH/]. See README.md.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { POLICY, buildPage } from '../../web/build.mjs';
import { serve } from '../../web/serve.mjs';
import { documents, pageText, placeOf } from './pages.mjs';

const here = dirname(fileURLToPath(import.meta.url)), root = dirname(dirname(here));
const staged = join(root, 'dist/docs'), out = join(root, 'dist/site'), PORT = 8422;
const words = process.argv.slice(2), base = words.includes('--base') ? words[words.indexOf('--base') + 1] : '/';
const read = (path) => readFileSync(join(root, path), 'utf8');

/** The sidebar: the groups of docs/README.md, in its order, then scenarios, labs, and the folders of the code. */
function sidebar(paths) {
  const group = (text) => {
    const title = /^\*\*(.+?)\*\*/.exec(text)?.[1], links = [...text.matchAll(/\[([^\]]+)\]\(([^)#]+\.md)/g)];
    return title ? [{ text: title, items: links.map(([, name, to]) => ({ text: name, link: `/${placeOf(join('docs', to))}` })) }] : [];
  };
  const titled = (path) => ({ text: /^# (.*)$/m.exec(read(path))?.[1] ?? path, link: `/${placeOf(path)}` });
  const more = (text, pattern) => ({ text, collapsed: true, items: paths.filter((p) => pattern.test(p)).sort().map(titled) });
  return [
    ...read('docs/README.md').split('\n\n').flatMap(group), more('Scenarios', /^docs\/scenarios\/.*\.md$/),
      more('Labs', /^labs\/\d\d-.*README\.md$/),
    more('The code, folder by folder', /^(?!docs\/|labs\/\d).*\/README\.md$/),
  ];
}

/** Documents are plain text, so Vue must not see templates in them; it does not look into blocks of code. The theme has templates. */
function plainText({ renderer: { rules } }) {
  for (const name of ['text', 'code_inline']) {
    const made = rules[name];
    rules[name] = (...words) => made(...words).replaceAll('{{', '&#123;&#123;');
  }
}

const config = (paths) => ({
  title: 'Tessera', description: 'A small computer system in TypeScript: a RISC-V machine, a microkernel, a Unix server, virtual machines',
  base, lang: 'en', head: [['link', { rel: 'icon', href: `${base}try/icon.svg` }]], outDir: out, cacheDir: join(staged, '.cache'),
  themeConfig: {
    search: { provider: 'local' }, outline: [2, 3], sidebar: sidebar(paths),
    nav: [{ text: 'The page', link: `${base}try/`, target: '_self' }, { text: 'Labs', link: '/docs/labs' }],
  },
});

/** Copies the documents and VitePress's own files to where VitePress expects them. */
function stage() {
  const paths = documents(root), theme = join(staged, '.vitepress/theme');
  rmSync(staged, { recursive: true, force: true });
  for (const path of paths) {
    mkdirSync(join(staged, dirname(path)), { recursive: true });
    if (path.endsWith('.md')) writeFileSync(join(staged, placeOf(path)), pageText(root, path, base));
    else cpSync(join(root, path), join(staged, path));
  }
  mkdirSync(theme, { recursive: true });
  writeFileSync(join(theme, 'index.js'), "import Theme from 'vitepress/theme';\nimport './style.css';\nexport default Theme;\n");
  cpSync(join(here, 'style.css'), join(theme, 'style.css'));
  const pages = paths.filter((p) => p.endsWith('.md'));
  writeFileSync(join(staged, '.vitepress/config.mjs'),
    `${plainText}\nexport default { ...${JSON.stringify(config(pages), null, 1)}, markdown: { config: plainText } };\n`);
  symlinkSync(join(here, 'node_modules'), join(staged, 'node_modules'), 'junction');
  return pages.length;
}

/** Permissions that VitePress's own scripts and styles need beyond the page's policy. */
function policy() {
  const allowed = { 'script-src': "'unsafe-inline'", 'style-src': "'unsafe-inline'", 'img-src': 'data:' };
  return Object.entries(allowed).reduce((p, [name, more]) => p.replace(`${name} 'self'`, `${name} 'self' ${more}`), POLICY);
}

if (!existsSync(join(here, 'node_modules/vitepress'))) execFileSync('npm', ['ci'], { cwd: here, stdio: 'inherit' });
const pages = stage();
rmSync(out, { recursive: true, force: true });
const { build } = await import(pathToFileURL(join(here, 'node_modules/vitepress/dist/node/index.js')).href);
await build(staged);
if (/\{\{ ?[\w.]+/.test(readFileSync(join(out, 'index.html'), 'utf8').replace(/<main[^]*<\/main>/, '')))
  throw new Error('the first page shows a template of the theme: look at plainText again');
await buildPage(join(out, 'try'));
console.log(`dist/site: ${pages} pages, and the page below try/`);
if (words.includes('--serve')) {
  await serve(out, PORT, policy());
  console.log(`http://127.0.0.1:${PORT}/   (Ctrl-C ends it)`);
}
