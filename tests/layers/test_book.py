"""The shopping programs of Deep Learning from Scratch, 5.4, in the book's order of calls."""

import pytest

from graphnet.layers import Add, Mul

CLOSE = {"rel": 1e-12, "abs": 0}


def test_buying_apples():
    apple, apple_num, tax = 100, 2, 1.1
    mul_apple_layer = Mul()
    mul_tax_layer = Mul()

    apple_price = mul_apple_layer.forward(apple, apple_num)
    price = mul_tax_layer.forward(apple_price, tax)
    assert price == pytest.approx(220, **CLOSE)

    dprice = 1
    dapple_price, dtax = mul_tax_layer.backward(dprice)
    dapple, dapple_num = mul_apple_layer.backward(dapple_price)
    assert (dapple, dapple_num, dtax) == pytest.approx((2.2, 110, 200), **CLOSE)


def test_buying_apples_and_oranges():
    apple, apple_num, orange, orange_num, tax = 100, 2, 150, 3, 1.1
    mul_apple_layer = Mul()
    mul_orange_layer = Mul()
    add_apple_orange_layer = Add()
    mul_tax_layer = Mul()

    apple_price = mul_apple_layer.forward(apple, apple_num)
    orange_price = mul_orange_layer.forward(orange, orange_num)
    all_price = add_apple_orange_layer.forward(apple_price, orange_price)
    price = mul_tax_layer.forward(all_price, tax)
    assert price == pytest.approx(715, **CLOSE)

    dprice = 1
    dall_price, dtax = mul_tax_layer.backward(dprice)
    dapple_price, dorange_price = add_apple_orange_layer.backward(dall_price)
    dorange, dorange_num = mul_orange_layer.backward(dorange_price)
    dapple, dapple_num = mul_apple_layer.backward(dapple_price)
    assert (dapple_num, dapple) == pytest.approx((110, 2.2), **CLOSE)
    assert (dorange, dorange_num, dtax) == pytest.approx((3.3, 165, 650), **CLOSE)
