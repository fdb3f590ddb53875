"""What Klanten is compared with: the same contract, written the way people usually do.

They answer the calls that are measured, and nothing else: no idempotency, no entity tags, no
rate limits, no cursor that survives an `ordering`. All that they leave out is to their advantage.
"""
