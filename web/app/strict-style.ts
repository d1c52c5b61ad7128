/**
 * Replaces xterm's <style> element (the build substitutes it), whose text a strict policy forbids: the text becomes a constructed sheet of
 * the document, which the policy allows.
 */
export function strictStyle(): HTMLElement {
  const element = document.createElement('i'), sheet = new CSSStyleSheet();
  element.hidden = true;
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  Object.defineProperty(element, 'textContent', { set: (text: string) => { sheet.replaceSync(text); }, get: () => '' });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((s) => s !== sheet);
    HTMLElement.prototype.remove.call(element);
  };
  return element;
}
