/** CodeMirror for the labs: colours of the page's theme, TypeScript or assembly, Escape and Tab usable from the keyboard. */
import { indentWithTab } from '@codemirror/commands';
import { javascript } from '@codemirror/lang-javascript';
import { HighlightStyle, StreamLanguage, syntaxHighlighting } from '@codemirror/language';
import { EditorState } from '@codemirror/state';
import { EditorView, keymap } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { basicSetup } from 'codemirror';

const style = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword], color: 'var(--k-memory)' },
  { tag: [tags.string, tags.regexp], color: 'var(--k-answer)' }, { tag: [tags.number, tags.bool, tags.null], color: 'var(--k-event)' },
  { tag: tags.comment, color: 'var(--dim)', fontStyle: 'italic' }, { tag: [tags.typeName, tags.className], color: 'var(--k-object)' },
  { tag: [tags.function(tags.variableName), tags.labelName], color: 'var(--k-message)' },
]);
const theme = EditorView.theme({
  '&': { height: '100%', fontSize: '13px', backgroundColor: 'transparent', color: 'var(--text)' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.5' },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--dim)', border: '0' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'rgb(128 120 100 / .08)' }, '.cm-content': { caretColor: 'var(--accent)' },
  '.cm-cursor': { borderLeftColor: 'var(--accent)' }, '&.cm-focused': { outline: 'none' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'var(--accent-soft) !important'
  },
  '.cm-tooltip': { backgroundColor: 'var(--raised)', borderColor: 'var(--line-strong)' },
});

/** RISC-V assembly: labels, comments, numbers, the rest. */
const assembly = StreamLanguage.define({
  token(stream) {
    if (stream.eatSpace()) return null;
    if (stream.match(/^(#|\/\/).*/)) return 'comment';
    if (stream.match(/^[\w.$]+:/)) return 'labelName';
    if (stream.match(/^"(?:[^"\\]|\\.)*"/)) return 'string';
    if (stream.match(/^-?(0x[\da-f]+|\d+)\b/i)) return 'number';
    if (stream.match(/^\.\w+/)) return 'keyword';
    if (!stream.match(/^[\w.$]+/)) stream.next();
    return null;
  },
});

export function editor(parent: HTMLElement, name: string, doc: string, change: (text: string) => void): EditorView {
  const changed = EditorView.updateListener.of((u) => { if (u.docChanged) change(u.state.doc.toString()); });
  // In a shadow tree CodeMirror adopts its sheets, which the page's policy allows; in the document it would use <style> elements.
  const root = parent.shadowRoot ?? parent.attachShadow({ mode: 'open' });
  return new EditorView({
    parent: root as unknown as DocumentFragment, root,
    state: EditorState.create({
      doc,
      extensions: [
        basicSetup, keymap.of([indentWithTab]), name.endsWith('.ts') ? javascript({ typescript: true }) : assembly,
        syntaxHighlighting(style), theme, changed,
        EditorView.contentAttributes.of({ 'aria-label': `${name}: press Escape, then Tab, to leave the editor` })
      ]
    }),
  });
}
