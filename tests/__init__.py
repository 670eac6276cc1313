"""The tests mirror src/antiphase; helpers are imported as tests.…"""
