/** Light or dark: the user's choice here, otherwise the system's. */
import { computed, effect, signal } from '@preact/signals';

const KEY = 'tessera-theme', media = matchMedia('(prefers-color-scheme: dark)');
const system = signal(media.matches), chosen = signal<string | undefined>(stored());
media.addEventListener('change', () => { system.value = media.matches; });

export const dark = computed(() => (chosen.value === undefined ? system.value : chosen.value === 'dark'));
export function toggleTheme(): void {
  chosen.value = dark.value ? 'light' : 'dark';
  try { localStorage.setItem(KEY, chosen.value); } catch { /* without storage the page does not remember */ }
}
function stored(): string | undefined {
  try { return localStorage.getItem(KEY) ?? undefined; } catch { return undefined; }
}
effect(() => { document.documentElement.dataset['theme'] = dark.value ? 'dark' : 'light'; });
