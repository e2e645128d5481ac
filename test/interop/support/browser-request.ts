import XMLHttpRequest from "xhr2";

/** What xhr2 keeps of a response; its names. */
interface Xhr2 {
  responseText: string | null;
  response: unknown;
  _onHttpResponseData(response: unknown, data: Buffer): void;
  _setReadyState(state: number): void;
}

const LOADING = 3;
const Base = XMLHttpRequest as unknown as new () => Xhr2;

/** xhr2 hands out a response only when it is complete; in a browser its text grows while it comes in. */
class BrowserRequest extends Base {
  override _onHttpResponseData(response: unknown, data: Buffer): void {
    this.responseText = (this.responseText ?? "") + data.toString("latin1");
    this.response = this.responseText;
    super._onHttpResponseData(response, data);
    this._setReadyState(LOADING);
  }
}

/** The public client only knows the browser's way to make requests. */
export function installBrowserRequest(): void {
  (globalThis as { XMLHttpRequest?: unknown }).XMLHttpRequest = BrowserRequest;
}
