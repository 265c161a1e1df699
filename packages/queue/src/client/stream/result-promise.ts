/** A promise that says when somebody waits for it. */
export class ResultPromise<T> extends Promise<T> {
  #onAwait: (() => void) | undefined;

  /** What is made of it are plain promises. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  static of<T>(promise: Promise<T>, onAwait: () => void): ResultPromise<T> {
    const made = new ResultPromise<T>((resolve, reject) => {
      promise.then(resolve, reject);
    });
    // Not by `catch`, which is a wait: it may fail unseen.
    Promise.prototype.then.call(made, undefined, () => undefined);
    made.#onAwait = onAwait;
    return made;
  }

  // biome-ignore lint/suspicious/noThenProperty: `await` calls it
  override then<A = T, B = never>(
    onValue?: ((value: T) => A | PromiseLike<A>) | null,
    onError?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#onAwait?.();
    return super.then(onValue, onError);
  }
}
